import unicodedata

import numpy as np
import pytest
from PIL import Image

from chajong.photos.decode import UnreadablePhotoError, decode_photo
from tools.rendered_cars.oddities import nfd_class
from tools.rendered_cars.write import write_rendered_photos

NAMES = [
    "Castel_Alda_4th_Gen_2013_2017",
    "K5_3세대_하이브리드_2020_2022",
    "K5_하이브리드_3세대_2020_2023",
    "한별_다온_2세대_2015_2018",
    "더_뉴_한별_다온_2세대_2018_2021",
]
CLASSES = sorted(NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    write_rendered_photos(folder, NAMES, 3, 2, seed=1, oddities=True, progress=False)
    return folder


@pytest.fixture(scope="module")
def train(folder):
    """Train photos by class, in order."""
    return {
        unicodedata.normalize("NFC", directory.name): sorted(directory.iterdir())
        for directory in (folder / "train").iterdir()
    }


def readable(path):
    try:
        decode_photo(path.read_bytes())
    except UnreadablePhotoError:
        return False
    return True


def test_regular_photos_are_all_kept(train):
    assert sorted(train) == CLASSES
    assert sum(len(photos) for photos in train.values()) == 5 * 3 + 3
    for photos in train.values():
        assert all(readable(path) for path in photos[:3])


def test_one_photo_has_a_near_duplicate_in_its_class(train):
    first, *_, copy = train[CLASSES[0]]
    a, b = (np.asarray(Image.open(path), float) for path in (first, copy))

    assert first.read_bytes() != copy.read_bytes()
    assert 0 < np.abs(a - b).mean() < 12


def test_one_picture_has_two_labels_of_sibling_classes(train):
    owners: dict[bytes, list[str]] = {}
    for name, photos in train.items():
        for path in photos:
            owners.setdefault(path.read_bytes(), []).append(name)
    shared = [sorted(names) for names in owners.values() if len(names) > 1]

    assert shared == [sorted(NAMES[3:])]


def test_one_class_is_named_in_nfd_with_all_its_files(folder):
    names = [path.name for path in (folder / "train").rglob("*")]
    decomposed = [name for name in names if unicodedata.normalize("NFC", name) != name]

    assert len(decomposed) == 1 + 3
    assert all(nfd_class(CLASSES) in unicodedata.normalize("NFC", name) for name in decomposed)


def test_one_train_and_one_test_photo_cannot_be_read(folder, train):
    broken = [path for photos in train.values() for path in photos if not readable(path)]
    broken_tests = [path for path in (folder / "test").iterdir() if not readable(path)]

    assert broken == [train[CLASSES[-1]][-1]]
    assert len(broken_tests) == 1
    assert broken_tests[0] not in (
        min((folder / "test").iterdir()),
        max((folder / "test").iterdir()),
    )


def test_without_korean_names_there_is_no_nfd_class():
    assert nfd_class(["Castel_Alda_2013", "Norvik_Tarn_2016"]) is None
