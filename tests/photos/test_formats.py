"""Photo formats by first bytes."""

import pytest

from chajong.photos.formats import HEAD_BYTES, format_of, without_ending


@pytest.mark.parametrize(
    ("form", "name"),
    [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WebP"), ("BMP", "BMP"), ("GIF", "GIF"),
     ("TIFF", "TIFF"), ("AVIF", "AVIF"), ("JPEG2000", "JPEG 2000")],
)  # fmt: skip
def test_a_format_is_known_by_its_first_bytes(make_picture, encode, form, name):
    assert format_of(encode(make_picture(), form)[:HEAD_BYTES]) == name


@pytest.mark.parametrize(
    "head",
    [b"", b"BM", b"BMW 3 series, 2019 to 2022", b"RIFF\0\0\0\0WAVE", b"\0\5\x16\7",
     b"\0\0\0\x20ftypisom", b"photo,label"],
)  # fmt: skip
def test_what_begins_like_no_photo_is_none(head):
    assert format_of(head) is None


def test_a_phones_photo_is_known():
    assert format_of(b"\0\0\0\x24ftypheic") == "HEIC"
    assert format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic") == "HEIC"
    assert format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif") == "AVIF"


@pytest.mark.parametrize(
    ("path", "bare"), [("a.JPG", "a"), ("a.b/c", "a.b/c"), ("v1.2", "v1.2"), ("차.jpeg", "차")]
)
def test_a_photos_ending_is_taken_off(path, bare):
    assert without_ending(path) == bare
