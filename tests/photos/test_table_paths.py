"""Paths of tables and the files that they mean."""

import string
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.photos.raw_tables import RawDataError, tidy_path
from chajong.photos.table_paths import locate

TABLE = Path("test.csv")

NAMES = st.text("ab가차" + string.digits, min_size=1, max_size=3)
FILES = st.sets(
    st.builds("test/{}/{}{}".format, NAMES, NAMES, st.sampled_from([".jpg", ".JPG", ".png"])),
    min_size=1,
)
DISGUISES = st.sampled_from(
    [
        lambda path: path,
        lambda path: f"./{path}",
        lambda path: f"/content/drive/{path}",
        lambda path: f"../data/{path}",
        lambda path: "D:\\cars\\" + path.replace("/", "\\"),
        lambda path: path.replace("test/", "images/"),
        lambda path: path.rpartition("/")[2],
        lambda path: path.rpartition(".")[0],
        lambda path: path.swapcase(),
        lambda path: normalize("NFD", path),
    ]
)


@given(FILES, DISGUISES, st.booleans())
def test_a_disguised_path_is_its_file_or_refused(files, disguise, decomposed):
    disk = sorted(normalize("NFD", file) if decomposed else file for file in files)
    named = [tidy_path(disguise(file), TABLE) for file in disk]
    try:
        found = locate(named, disk, TABLE)
    except RawDataError:
        return
    assert found == disk


@given(FILES, DISGUISES)
def test_a_path_of_one_file_is_found(files, disguise):
    file = min(files)
    assert locate([tidy_path(disguise(file), TABLE)], [file], TABLE) == [file]


def test_what_is_there_is_no_other_files():
    files = ["test/1.jpg", "test/2.jpg"]
    assert locate(["test/1.jpg", "open/1.jpg"], files, TABLE) == ["test/1.jpg", None]


def test_two_paths_of_one_file_are_refused():
    with pytest.raises(RawDataError, match=r"'a/1.jpg', 'b/1.jpg', and only 'test/1.jpg'"):
        locate(["a/1.jpg", "b/1.jpg"], ["test/1.jpg"], TABLE)


def test_another_name_is_not_found():
    assert locate(["test/1.jpg", "test/11"], ["test/x/1.jpg", "test/1.jpg.txt"], TABLE) == [
        None,
        None,
    ]
