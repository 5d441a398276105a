"""Photos found in every kind of place."""

import os
import unicodedata
import zipfile
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from chajong.photos import photo_file, sources
from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.sources import PhotoSource, PhotoSourceError, find_photos


@pytest.fixture
def folder(tmp_path):
    for name in ("가/b.jpg", "가/a.JPG", "c.png", "notes.pdf", "d/e.webp"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    return tmp_path / "photos"


def names(place):
    return [source.name for source in find_photos(place)]


def test_a_folder_is_searched_with_all_below_it(folder):
    assert names(folder) == ["c.png", "d/e.webp", "가/a.JPG", "가/b.jpg"]
    assert [source.read() for source in find_photos(folder)][2] == "가/a.JPG".encode()


def test_a_photos_vehicle_is_its_folder_below_the_place(folder):
    assert [source.vehicle for source in find_photos(folder)] == [None, "d", "가", "가"]


def test_a_single_photo_is_found(folder):
    assert names(folder / "c.png") == ["c.png"]


def test_a_glob_is_matched(folder):
    assert names(f"{folder}/**/*.jpg") == ["b.jpg"]
    assert len(names(f"{folder}/**/*.*")) == 4


def test_a_glob_matches_no_folder_that_is_named_like_a_photo(folder):
    (folder / "album.jpg").mkdir()
    assert names(f"{folder}/*.*") == ["c.png"]


@pytest.mark.parametrize("name", ["photos [1]", "k5?", "a*b", "s#1", "x::y"])
def test_a_folder_may_be_named_as_it_likes(tmp_path, name):
    (tmp_path / "all" / name).mkdir(parents=True)
    (tmp_path / "all" / name / "a.jpg").write_bytes(b"seen")
    place = tmp_path / "all" / ("" if "::" in name else name)
    assert [source.read() for source in find_photos(place)] == [b"seen"]


def test_hidden_files_are_left_out(folder):
    (folder / "._c.png").write_bytes(b"of a Mac")
    assert "._c.png" not in names(folder)


def test_photos_of_several_places_have_names_of_their_own(tmp_path):
    for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    places = [tmp_path / "a", tmp_path / "b"]
    assert names(places) == [str(tmp_path / "a/1.jpg"), str(tmp_path / "b/1.jpg"), "2.jpg"]


def test_names_are_nfc_whatever_the_disk_has(tmp_path):
    path = tmp_path / unicodedata.normalize("NFD", "아반떼.jpg")
    path.write_bytes(b"x")
    (found,) = find_photos(tmp_path)
    assert found.name == "아반떼.jpg"
    assert found.read() == b"x"


@pytest.mark.parametrize("column", ["photo", "img_path"])
def test_a_csv_list_names_photos_and_vehicles(folder, column):
    rows = pd.DataFrame({column: ["c.png", str(folder / "d/e.webp")], "vehicle": ["v", ""]})
    rows.to_csv(folder / "목록.csv", index=False, encoding="utf-8-sig")
    found = find_photos(folder / "목록.csv")
    assert [source.vehicle for source in found] == ["v", None]
    assert [source.read() for source in found] == [b"c.png", b"d/e.webp"]


def test_a_text_list_keeps_its_order(folder):
    (folder / "list.txt").write_text("가/b.jpg\n\nc.png\n", encoding="utf-8")
    assert names(folder / "list.txt") == ["가/b.jpg", "c.png"]


def test_a_missing_photo_of_a_list_is_unreadable_and_not_lost(folder):
    (folder / "list.txt").write_text("gone.jpg\nc.png\n", encoding="utf-8")
    gone, _ = find_photos(folder / "list.txt")
    with pytest.raises(UnreadablePhotoError, match="no such file"):
        gone.read()


@pytest.mark.parametrize("address", ["{}", "file://{}"])
def test_what_is_no_file_is_not_read(tmp_path, address):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePhotoError, match="a pipe, not a photo's file"):
        PhotoSource("pipe.jpg", address.format(tmp_path / "pipe.jpg")).read()


def test_a_remote_file_larger_than_any_photo_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 3)
    monkeypatch.setattr(photo_file, "MAX_BYTES", 3)
    fsspec.filesystem("memory").pipe("/alone/large.jpg", b"photo")
    with pytest.raises(UnreadablePhotoError, match="4 bytes, more than the limit of 3"):
        PhotoSource("large.jpg", "memory://alone/large.jpg").read()


def test_an_address_of_fsspec_is_searched():
    files = fsspec.filesystem("memory")
    files.pipe("/cars/k5/1.jpg", b"one")
    found = find_photos("memory://cars")
    assert [source.read() for source in found] == [b"one"]


def test_a_zip_is_searched(tmp_path):
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("in/a.jpg", b"packed")
    found = find_photos(f"zip://*/*.jpg::{archive}")
    assert [source.read() for source in found] == [b"packed"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "There is no photo in"),
        ("unknown://photos", "cannot be looked into"),
        ("gone.csv", "cannot be read"),
    ],
)
def test_a_place_without_photos_is_named(tmp_path, place, message):
    where = place if "://" in place else str(tmp_path / place)
    with pytest.raises(PhotoSourceError, match=message):
        find_photos(where)


@pytest.mark.parametrize(
    ("text", "message"), [("file\na.jpg\n", "no column `photo`"), ("photo\n", "names no photo")]
)
def test_an_unusable_list_is_refused(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(PhotoSourceError, match=message):
        find_photos(Path(tmp_path) / "list.csv")
