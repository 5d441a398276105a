"""What is said of real photos and folders is said in Korean too."""

import re
import shutil
import unicodedata
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from chajong.photos.audit import audit_photos
from chajong.photos.decode import UnreadablePhotoError, decode_photo
from chajong.photos.folder import GroupSettings, scan_photo_folder
from chajong.photos.photo_file import check_bytes, read_photo_file
from chajong.photos.texts import KOREAN
from chajong.texts import translated

NAMES = re.compile(
    r"'[^']*'|\S+\.csv|(train|test)/(<차종>/)?|--params|train_table=|group_pattern|pandas|"
    r"index=False|EXIF|IDs?|JPEG|PNG|WebP|BMP|GIF|TIFF|AVIF|HEIC|RAW|MB|NFC|NFD|cars|pip install"
)
"""What stays as it is: names, endings, settings, formats."""


def english_in(said: str) -> list[str]:
    """Give the English words that are left of what is said in Korean."""
    korean = translated(said, "ko", KOREAN)
    assert re.search("[가-힣]", korean), said
    return re.findall("[A-Za-z]{2,}", NAMES.sub("", korean))


def written(image: Image.Image, form: str, **options) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
UNREADABLE = {
    "empty": b"",
    "text": b"no picture at all",
    "cut off": written(NOISE, "JPEG")[:1500],
    "damaged": written(NOISE, "PNG")[:200],
    "of 32 bits": written(Image.new("F", (8, 8)), "TIFF"),
    "of a telephone": b"\0\0\0\x18ftypheic" + bytes(64),
    "large": written(Image.new("1", (20_000, 6_000)), "PNG"),
}


@pytest.mark.parametrize("photo", UNREADABLE.values(), ids=UNREADABLE)
def test_why_a_photo_cannot_be_decoded(photo):
    with pytest.raises(UnreadablePhotoError) as caught:
        decode_photo(photo)
    assert english_in(str(caught.value)) == []
    with pytest.raises(UnreadablePhotoError) as caught:
        decode_photo(written(NOISE, "PNG"), max_megapixels=0.001)
    assert english_in(str(caught.value)) == []


def test_why_a_file_cannot_be_read(tmp_path):
    for refused in (lambda: read_photo_file(tmp_path), lambda: check_bytes(10**12)):
        with pytest.raises(UnreadablePhotoError) as caught:
            refused()
        assert english_in(str(caught.value)) == []


@pytest.fixture
def odd_folder(tmp_path):
    """A folder with something of every kind that is left out or warned of."""
    photo = written(NOISE, "JPEG")
    for name in (
        "train/쏘나타/1.jpg", "train/쏘나타/2.jpg", "train/쏘나타/안/3.jpg", "train/K5/1.jpg",
        "train/K5/2.jpg", "train/느슨한.jpg", "train/K5/글.txt", "train/K5/.DS_Store",
        "train/빈/안/1.jpg", "test/하나/1.jpg", "test/둘.jpg", "test/글.txt", "그밖/1.jpg",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo if name.endswith(".jpg") else b"no photo")
    (tmp_path / "train/K5/고리").symlink_to(tmp_path / "train/쏘나타")
    return tmp_path


def notes_of(folder, **settings) -> list[str]:
    scanned = scan_photo_folder(folder, **settings)
    return [scanned.layout, *scanned.left_out, *scanned.warnings]


def english_in_notes(folder, **settings) -> dict[str, list[str]]:
    found = {note: english_in(note) for note in notes_of(folder, **settings)}
    return {note: words for note, words in found.items() if words}


def test_what_is_left_out_of_a_folder(odd_folder):
    assert len(notes_of(odd_folder)) == 10
    assert english_in_notes(odd_folder) == {}


def test_how_a_group_was_found(odd_folder):
    groups = GroupSettings(pattern=r"(\d)\.jpg")
    (odd_folder / "train/K5/다른.jpg").write_bytes(written(NOISE, "JPEG"))
    assert len(notes_of(odd_folder, groups=groups)) == 12
    assert english_in_notes(odd_folder, groups=groups) == {}


@pytest.mark.parametrize(
    "folders",
    [("현대/쏘나타", "기아/K5"), ("쏘나타", unicodedata.normalize("NFD", "쏘나타"), "K5")],
)
def test_which_folders_are_classes(tmp_path, folders):
    for number, folder in enumerate(folders):
        (tmp_path / "train" / folder).mkdir(parents=True)
        (tmp_path / "train" / folder / f"{number}.jpg").write_bytes(written(NOISE, "JPEG"))
    assert len(scan_photo_folder(tmp_path).warnings) == 1
    assert english_in_notes(tmp_path) == {}


TABLES = {
    "taken": "path,label\nC:/x/train/K5/1.jpg,쏘나타\ntrain/K5/2.jpg,K5\n",
    "of other photos": "path,label\ntrain/K5/1.jpg,K5\ntrain/쏘나타/1.jpg,쏘나타\n",
    "without a column": "file,label\ntrain/K5/1.jpg,K5\n",
    "empty": "path,label\n",
    "of photos elsewhere": "path,label\ntrain/K5/9.jpg,K5\ntrain/K5/8.jpg,쏘나타\n",
    "with one twice": "path,label\ntrain/K5/1.jpg,K5\ntrain/K5/1.jpg,쏘나타\n",
    "with a gap": "path,label\ntrain/K5/1.jpg,\n",
    "of one class": "path,label\ntrain/K5/1.jpg,K5\n",
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_became_of_a_table(odd_folder, table):
    (odd_folder / "train.csv").write_text(table, encoding="utf-8")
    assert english_in_notes(odd_folder) == {}


def test_what_is_odd_about_a_submission(odd_folder):
    submission = odd_folder / "sample_submission.csv"
    submission.write_text("ID,,K5,쏘나타,K9\n둘,0,0,0,0\n1,0,0,0,0\n", encoding="utf-8")
    assert len(notes_of(odd_folder)) == 12
    assert english_in_notes(odd_folder) == {}
    submission.write_text("ID,K5,쏘나타,빈\n둘,0,0,0\n1,0,0,0\n", encoding="utf-8")
    shutil.rmtree(odd_folder / "test")
    assert english_in_notes(odd_folder) == {}


def test_what_the_audit_finds():
    ok = {"split": "train", "status": "ok", "reason": None, "verdict": ""}
    photos = pd.DataFrame(
        [
            {**ok, "class_name": "K5", "width": 40, "height": 90, "saturation": 0.0},
            {**ok, "class_name": "K5", "verdict": "relabel", "width": 90, "height": 90},
            {**ok, "class_name": "K5", "verdict": "not a car", "width": 90, "height": 90},
        ]
    )
    photos["photo_id"] = photos.index.astype(str)
    groups = photos[["photo_id"]].assign(near_duplicates=photos.index, conflict=False)
    folds = photos[["photo_id"]].assign(fold=[0, 4, 1], label_counts=True)
    classes = pd.DataFrame({"name": ["K5", "K9"], "effective_class": ["K5", "K9"]})
    folder = SimpleNamespace(listing=photos.assign(class_name="쏘나타"), left_out=(), warnings=())
    audit = audit_photos(photos, groups, classes, folds, folder)
    assert len(audit) == 6
    assert [said for said in audit["detail"] if english_in(said)] == []
