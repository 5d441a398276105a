import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps

from chajong.photos import near_duplicates
from chajong.photos.near_duplicates import (
    connected_groups,
    find_conflicts,
    group_near_duplicates,
    hash_bits,
    near_duplicates_of,
)
from chajong.photos.picture_agreement import SIDE, agree
from chajong.photos.preparation import StoreSettings, prepare_photo
from chajong.photos.store import PhotoStore

MIRRORED = 0x5555_5555_5555_5555

# Few distinct bits, so that random hashes are often near one another.
hash_lists = st.lists(
    st.lists(st.sampled_from([0, 1, 7, 31, 32, 33, 62, 63]), max_size=4).map(
        lambda bits: sum(1 << bit for bit in set(bits))
    ),
    max_size=25,
)


def obvious_pairs(hashes: list[int], radius: int) -> list[list[int]]:
    return [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if any(bin(hashes[i] ^ hashes[j] ^ flip).count("1") <= radius for flip in (0, MIRRORED))
    ]


def obvious_groups(count: int, pairs: list[list[int]]) -> set[frozenset[int]]:
    groups = [{item} for item in range(count)]
    for i, j in pairs:
        joined = [group for group in groups if i in group or j in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return {frozenset(group) for group in groups}


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels}


@pytest.fixture(scope="module")
def symmetric() -> np.ndarray:
    """A picture that is its own mirror image, so that hashes alone decide."""
    half = np.random.default_rng(0).integers(0, 256, (6, 3), dtype=np.uint8)
    return np.kron(np.hstack([half, half[:, ::-1]]), np.ones((8, 8), dtype=np.uint8))


@settings(deadline=None)
@given(hash_lists, st.integers(0, 4))
def test_one_picture_is_grouped_as_the_double_loop_groups_its_hashes(symmetric, hashes, radius):
    pictures = np.broadcast_to(symmetric, (len(hashes), *symmetric.shape))
    labels = group_near_duplicates(np.array(hashes, np.uint64), pictures, radius)
    assert labels.dtype == np.int64
    assert as_sets(labels) == obvious_groups(len(hashes), obvious_pairs(hashes, radius))


@settings(deadline=None)
@given(hash_lists)
def test_other_pictures_are_not_joined_however_near_their_hashes(hashes):
    pictures = np.random.default_rng(1).integers(0, 256, (len(hashes), SIDE, SIDE), dtype=np.uint8)
    labels = group_near_duplicates(np.array(hashes, np.uint64), pictures, 16)
    assert sorted(labels) == list(range(len(hashes)))


def test_a_chain_is_one_group(symmetric):
    hashes = np.array([0, 0b111111, 0b111111_111111], np.uint64)
    assert group_near_duplicates(hashes, np.stack([symmetric] * 3), 6).tolist() == [0, 0, 0]


def test_many_copies_of_one_picture_are_not_all_compared(symmetric, monkeypatch):
    compared = []
    monkeypatch.setattr(
        near_duplicates, "agree", lambda one, other: compared.append(len(one)) or agree(one, other)
    )
    copies = np.stack([symmetric] * 2000)
    assert not group_near_duplicates(np.full(2000, 5, np.uint64), copies).any()
    assert sum(compared) < 10_000


class TestPhotos:
    @pytest.fixture
    def grouped(self, make_picture, encode):
        def group(change):
            others = [make_picture(300, 200, seed) for seed in range(1, 4)]
            original = make_picture(300, 200)
            files = [encode(photo) for photo in (original, *others, change(original))]
            prepared = [prepare_photo(data, StoreSettings()) for data in files]
            table = pa.Table.from_pylist([vars(photo) for photo in prepared])
            photos = pd.DataFrame([vars(photo) for photo in prepared])
            return near_duplicates_of(photos, PhotoStore(table)).tolist()

        return group

    @pytest.mark.parametrize(
        "change",
        [
            lambda photo: photo,
            lambda photo: photo.resize((120, 80)),
            lambda photo: photo.crop((10, 0, 294, 190)),
            ImageOps.mirror,
            lambda photo: ImageOps.mirror(photo).crop((4, 3, 292, 198)),
            lambda photo: photo.convert("L"),
            lambda photo: photo.point(
                [round(255 * (level / 255) ** 0.6) for level in range(256)] * 3
            ),
        ],
    )
    def test_a_copy_joins(self, grouped, change):
        assert grouped(change) == [0, 1, 2, 3, 0]

    def test_the_same_view_with_another_car_does_not(self, grouped):
        def with_another_car(photo):
            photo.paste((200, 30, 30), (110, 80, 190, 140))
            return photo

        assert grouped(lambda photo: with_another_car(photo.copy())) == [0, 1, 2, 3, 4]


def test_items_without_links_are_groups_of_their_own():
    assert connected_groups(np.empty((0, 2), np.int64), 3).tolist() == [0, 1, 2]


def test_hashes_use_all_64_bits():
    assert hash_bits(["ffffffffffffffff", "000000000000000a"]).tolist() == [2**64 - 1, 10]


@pytest.fixture
def photos() -> pd.DataFrame:
    columns = ["photo_id", "sha256", "class_name", "effective_id"]
    rows = [
        ("5", "x", "라브4_2016", 0),
        ("4", "x", "쏘나타_2019", 1),
        ("3", "y", "라브4_2016", 0),
        ("2", "y", "RAV4_2016", 0),
        ("1", "z", "쏘나타_2019", 1),
    ]
    return pd.DataFrame(rows, columns=columns)


def test_identical_photos_of_two_classes_conflict(photos):
    assert find_conflicts(photos)["photo_id"].tolist() == ["4", "5"]


def test_names_of_one_effective_class_do_not_conflict(photos):
    assert not set(find_conflicts(photos)["photo_id"]) & {"2", "3"}


def test_no_photos_have_no_conflicts(photos):
    assert find_conflicts(photos[:0]).empty
