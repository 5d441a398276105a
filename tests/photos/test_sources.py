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


@pytest.mark.parametrize("left", [".hidden/a.jpg", "__MACOSX/가/a.jpg", "가/@eaDir/b.jpg/x.jpg"])
def test_hidden_folders_and_those_of_systems_are_left_out(folder, left):
    before = names(folder)
    (folder / left).parent.mkdir(parents=True)
    (folder / left).write_bytes(b"\xff\xd8\xff")
    assert names(folder) == before
    assert names(f"{folder}/**") == before


def test_photos_are_known_by_how_they_begin(folder):
    for name in ("가/c.jfif", "가/d.xyz", "가/e"):
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0")
    assert names(folder)[4:] == ["가/c.jfif", "가/d.xyz", "가/e"]
    assert names(f"{folder}/가/*") == ["a.JPG", "b.jpg", "c.jfif", "d.xyz", "e"]


def test_what_is_not_there_is_not_searched_for_around_it(folder, monkeypatch):
    monkeypatch.setattr("chajong.photos.sources.find_files", pytest.fail)
    with pytest.raises(PhotoSourceError, match="There is no photo in"):
        find_photos(folder / "nowhere" / "a.jpg")


def test_a_circle_of_links_ends(folder):
    before = names(folder)
    (folder / "round").symlink_to(folder)
    (folder / "가" / "up").symlink_to("..")
    assert names(folder) == before
    assert names(f"{folder}/**/*.jpg") == ["b.jpg"]


def test_a_glob_may_follow_a_folder_that_is_named_like_one(tmp_path):
    for name in ("[2025] 사진/a.jpg", "2/a.jpg", "[2025] 사진/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    assert names(f"{tmp_path}/[[]2025] 사진/*.jpg") == ["a.jpg"]
    assert names(f"{tmp_path}/[2025] 사진/*.jpg") == ["a.jpg"]
    assert [source.read() for source in find_photos(f"{tmp_path}/[2]/*.jpg")] == [b"2/a.jpg"]


def test_names_cannot_steer_a_terminal(tmp_path):
    (tmp_path / "\x1b[2Ja.jpg").write_bytes(b"seen")
    (tmp_path / os.fsdecode("차.jpg".encode("cp949"))).write_bytes(b"seen")
    found = find_photos(tmp_path)
    assert [source.name for source in found] == ["\\x1b[2Ja.jpg", "\\udcc2\\udcf7.jpg"]
    assert [source.read() for source in found] == [b"seen", b"seen"]


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


@pytest.mark.parametrize(
    "photo",
    ["가\\b.jpg", "./가/b.JPG", "가/b", "b.jpg", "/content/photos/가/b.jpg", "C:\\x\\가\\b.jpg"],
)
@pytest.mark.parametrize("ending", [".csv", ".txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_list_of_another_machine_finds_its_photos(folder, photo, ending, encoding):
    place = folder / f"list{ending}"
    rows = ["c.png", "", photo, "  "]
    place.write_bytes("\r\n".join([*["photo"][: ending == ".csv"], *rows]).encode(encoding))
    assert [source.read() for source in find_photos(place)] == [b"c.png", "가/b.jpg".encode()]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_list", ["NFC", "NFD"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_list_and_the_disk_may_have_different_forms(tmp_path, on_disk, in_list, absolute):
    (tmp_path / unicodedata.normalize(on_disk, "아반떼.jpg")).write_bytes(b"x")
    named = unicodedata.normalize(in_list, "아반떼.jpg")
    (tmp_path / "list.csv").write_text(f"photo\n{tmp_path / named if absolute else named}\n")
    (found,) = find_photos(tmp_path / "list.csv")
    assert found.read() == b"x"


def test_a_photo_of_a_list_that_may_be_several_is_refused(folder):
    (folder / "d" / "b.jpg").write_bytes(b"")
    (folder / "list.txt").write_text("b.jpg\n")
    with pytest.raises(PhotoSourceError, match=r"'b.jpg', which may be 'd/b.jpg', '가/b.jpg'"):
        find_photos(folder / "list.txt")


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
        ("gone.csv", "There is no"),
        ("gone.txt", "cannot be read"),
    ],
)
def test_a_place_without_photos_is_named(tmp_path, place, message):
    where = place if "://" in place else str(tmp_path / place)
    with pytest.raises(PhotoSourceError, match=message):
        find_photos(where)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.jpg\n", "no column 'photo'"),
        ("photo\n", "names no photo"),
        ("photo\na.jpg\nb.jpg\n", "None of the 2 photos"),
        ("photo,vehicle\n,1\n", "no photo in row 2"),
        ("photo\n사진.jpg\n".encode("cp949"), "save it as a CSV in UTF-8"),
    ],
)
def test_an_unusable_list_is_refused(tmp_path, text, message):
    (tmp_path / "list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PhotoSourceError, match=message):
        find_photos(Path(tmp_path) / "list.csv")
