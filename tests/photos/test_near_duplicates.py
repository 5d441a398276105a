import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.photos.near_duplicates import (
    connected_groups,
    find_conflicts,
    group_near_duplicates,
    hash_bits,
    near_duplicate_pairs,
)

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
        if bin(hashes[i] ^ hashes[j]).count("1") <= radius
    ]


def obvious_groups(count: int, pairs: list[list[int]]) -> set[frozenset[int]]:
    groups = [{item} for item in range(count)]
    for i, j in pairs:
        joined = [group for group in groups if i in group or j in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return {frozenset(group) for group in groups}


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels}


@settings(deadline=None)
@given(hash_lists, st.integers(0, 4))
def test_pairs_are_those_of_the_double_loop(hashes, radius):
    pairs = near_duplicate_pairs(np.array(hashes, np.uint64), radius)
    assert pairs.tolist() == obvious_pairs(hashes, radius)


@settings(deadline=None)
@given(hash_lists, st.integers(0, 4))
def test_groups_are_those_of_the_double_loop(hashes, radius):
    labels = group_near_duplicates(np.array(hashes, np.uint64), radius)
    assert labels.dtype == np.int64
    assert as_sets(labels) == obvious_groups(len(hashes), obvious_pairs(hashes, radius))


def test_a_chain_is_one_group():
    hashes = np.array([0, 0b111111, 0b111111_111111], np.uint64)
    assert group_near_duplicates(hashes, 6).tolist() == [0, 0, 0]
    assert len(near_duplicate_pairs(hashes, 6)) == 2


def test_many_copies_of_one_picture_are_grouped_without_their_pairs():
    assert not group_near_duplicates(np.full(200_000, 5, np.uint64)).any()


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
