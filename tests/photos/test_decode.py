import contextlib
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageCms

from chajong.photos import decode
from chajong.photos.decode import (
    UnreadablePhotoError,
    check_whole,
    decode_photo,
    open_photo,
    room_for,
    upright_rgb,
)

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def quarters() -> Image.Image:
    """Red, green, blue and white quarters: shows every rotation and reflection."""
    picture = Image.new("RGB", (64, 32), "white")
    picture.paste(RED, (0, 0, 32, 16))
    picture.paste(GREEN, (32, 0, 64, 16))
    picture.paste(BLUE, (0, 16, 32, 32))
    return picture


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    """Write a PNG by hand, as its specification says."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in chunks)


def assert_close(pixels: np.ndarray, expected: Image.Image, tolerance: float = 12) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == (expected.height, expected.width, 3)
    difference = np.abs(pixels.astype(int) - np.asarray(expected, dtype=int))
    assert difference.mean() < tolerance


FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"]


@pytest.mark.parametrize("form", FORMATS)
def test_reads_every_format(encode, form):
    assert_close(decode_photo(encode(quarters(), form)), quarters())


def test_reads_progressive_jpeg(encode):
    assert_close(decode_photo(encode(quarters(), progressive=True)), quarters())


def test_cmyk_becomes_rgb(encode):
    assert_close(decode_photo(encode(quarters().convert("CMYK"))), quarters())


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_grey_gets_three_equal_channels(encode, form):
    grey = quarters().convert("L")
    pixels = decode_photo(encode(grey, form))
    assert_close(pixels, grey.convert("RGB"), 4)
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_black_and_white_becomes_rgb(encode):
    black_and_white = quarters().convert("1", dither=Image.Dither.NONE)
    assert_close(decode_photo(encode(black_and_white, "PNG")), black_and_white.convert("RGB"), 0.1)


def test_palette_becomes_rgb(encode):
    assert_close(decode_photo(encode(quarters().convert("P", palette=1), "PNG")), quarters())


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparency_is_laid_on_white(encode, form):
    picture = quarters().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert_close(decode_photo(encode(picture, form)), Image.new("RGB", picture.size, "white"), 1)


def test_half_transparency_is_mixed_with_white(encode):
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert_close(decode_photo(encode(picture, "PNG")), Image.new("RGB", (8, 8), (127,) * 3), 2)


def test_transparent_palette_colour_is_laid_on_white(encode):
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([200, 0, 0])
    data = encode(picture, "PNG", transparency=0)
    assert_close(decode_photo(data), Image.new("RGB", (8, 8), "white"), 0.1)


def test_the_transparent_colour_of_a_png_is_laid_on_white(encode):
    picture = quarters()
    data = encode(picture, "PNG", transparency=RED)
    picture.paste("white", (0, 0, 32, 16))
    assert_close(decode_photo(data), picture, 0.1)


@pytest.mark.parametrize(
    ("colour_type", "clear", "pixels"),
    [(0, (40_000,), [40_000, 40_001]), (2, (200, 40_000, 9), [200, 40_000, 9, 200, 9, 9])],
)
def test_the_transparent_colour_of_a_16_bit_png_is_laid_on_white(colour_type, clear, pixels):
    data = png(2, 1, 16, colour_type, struct.pack(f">x{len(pixels)}H", *pixels))
    body = b"tRNS" + struct.pack(f">{len(clear)}H", *clear)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    shown = decode_photo(data[:33] + chunk + data[33:])
    assert shown[0, 0].tolist() == [255] * 3
    assert shown[0, 1].max() < 200


def bitmap(alpha: int) -> bytes:
    """A picture as clipboards hold it: 32 bits a pixel with a mask for the alpha."""
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0, *masks)
    header += struct.pack("<I48x", 0x73524742)
    pixels = bytes([1, 2, 200, alpha, 3, 180, 4, 0])
    return b"BM" + struct.pack("<IHHI", 130, 0, 0, 122) + header + pixels


def test_a_bitmap_without_any_alpha_shows_its_colours():
    assert decode_photo(bitmap(alpha=0)).tolist() == [[[200, 2, 1], [4, 180, 3]]]


def test_a_bitmap_with_alpha_is_laid_on_white():
    assert decode_photo(bitmap(alpha=255)).tolist() == [[[200, 2, 1], [255] * 3]]


def test_16_bit_grey_is_scaled_to_8(encode):
    levels = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    pixels = decode_photo(encode(Image.fromarray(levels), "PNG"))
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_16_bit_colour_is_scaled_to_8():
    data = png(1, 1, 16, 2, struct.pack(">xHHH", 65535, 32896, 0))
    assert decode_photo(data)[0, 0].tolist() == [255, 128, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(encode, orientation):
    stored_as = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = quarters()
    for operation in stored_as[orientation]:
        stored = stored.transpose(operation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_close(decode_photo(encode(stored, exif=exif, subsampling=0)), quarters())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_matter(encode):
    data = encode(quarters(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")
    assert_close(decode_photo(data), quarters())


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_animation_gives_its_first_frame(encode, form):
    second = Image.new("RGB", (64, 32), "black")
    data = encode(quarters(), form, save_all=True, append_images=[second], lossless=form == "WEBP")
    assert_close(decode_photo(data), quarters(), 8)


def test_one_pixel(encode):
    assert decode_photo(encode(Image.new("RGB", (1, 1), "white"))).tolist() == [[[255] * 3]]


@pytest.mark.parametrize(
    ("shortest_side", "expected"),
    [(600, (600, 900, 3)), (299, (300, 450, 3)), (150, (150, 225, 3)), (151, (300, 450, 3)),
     (10, (75, 113, 3)), (900, (600, 900, 3))],
)  # fmt: skip
def test_scaled_decoding_keeps_the_shortest_side(make_photo, shortest_side, expected):
    assert decode_photo(make_photo(width=900, height=600), shortest_side).shape == expected


def test_scaled_decoding_shows_the_same_picture(make_photo, make_picture):
    pixels = decode_photo(make_photo(width=900, height=600), shortest_side=150)
    assert_close(pixels, make_picture(225, 150), 3)


def test_other_formats_ignore_the_shortest_side(encode):
    assert decode_photo(encode(quarters(), "PNG"), shortest_side=4).shape == (32, 64, 3)


def test_a_huge_jpeg_is_decoded_small(encode):
    data = encode(Image.new("RGB", (12_000, 9_000), "white"))
    assert decode_photo(data, shortest_side=640).shape == (1125, 1500, 3)


def refused(data: bytes, **options: float) -> str:
    with pytest.raises(UnreadablePhotoError) as error:
        decode_photo(data, **options)
    return str(error.value)


def test_refuses_an_empty_file():
    assert refused(b"") == "the file is empty"


def test_refuses_a_text_file():
    assert refused("사진이 아님".encode()) == "not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file"


def heic(picture: Image.Image, orientation: int = 1) -> bytes:
    """Write a photo as telephones do."""
    from pillow_heif import from_pillow

    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    from_pillow(picture).save(file, quality=95, exif=exif.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_reads_what_telephones_take(mode):
    picture = quarters().convert(mode)
    assert_close(decode_photo(heic(picture)), picture.convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_telephones_photo_is_turned_upright_once(encode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    as_jpeg = decode_photo(encode(quarters(), exif=exif.tobytes()))
    assert_close(decode_photo(heic(quarters(), orientation)), Image.fromarray(as_jpeg))


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_telephones_photo_that_is_cut_off_is_damaged(part):
    data = heic(quarters())
    assert refused(data[: max(32, int(len(data) * part))]).startswith("damaged: ")


def test_a_large_photo_of_a_telephone_is_refused_by_its_header(monkeypatch):
    monkeypatch.setattr(decode, "MAX_WHOLE_MEGAPIXELS", 0.001)
    assert "more than the limit" in refused(heic(quarters()))


def test_without_their_reader_telephones_photos_are_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr(decode, "find_spec", lambda name: None)
    assert refused(heic(quarters())) == (
        "a HEIC photo: pip install 'chajong[heic]' lets it be read, or convert it to JPEG"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL photo: convert it to JPEG"),
    ],
)
def test_a_format_that_is_not_read_is_named(data, reason):
    assert refused(data) == reason


def test_the_thumbnail_of_a_raw_file_is_no_photo(encode):
    data = encode(quarters(), "TIFF", tiffinfo={254: 1})
    assert refused(data) == "a camera's raw file: convert it to JPEG"


def test_pixels_without_a_scale_are_no_photo(encode):
    data = encode(Image.new("F", (4, 4), 0.5), "TIFF")
    assert refused(data) == "its pixels are of the kind F: convert it to JPEG"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_refuses_a_truncated_file(encode, make_picture, form, part):
    data = encode(make_picture(400, 300), form)
    assert refused(data[: int(len(data) * part)]).startswith("damaged: ")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", FORMATS)
def test_random_damage_never_raises_anything_else(encode, make_picture, form):
    data = np.frombuffer(encode(make_picture(), form), dtype=np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(100):
        damaged = data.copy()
        damaged[generator.integers(2, len(data), 8)] = generator.integers(0, 256, 8)
        with contextlib.suppress(UnreadablePhotoError):
            assert decode_photo(damaged.tobytes(), max_megapixels=1).ndim == 3


def test_refuses_a_decompression_bomb_by_its_header():
    bomb = png(40_000, 40_000, 8, 2, b"\0" * 100_000)
    assert refused(bomb) == "40000 x 40000 pixels, more than the limit of 300 megapixels"


@pytest.mark.parametrize(
    ("form", "kind", "options"),
    [("PNG", "PNG", {}), ("JPEG", "progressive JPEG", {"progressive": True})],
)
def test_photos_that_are_decoded_whole_have_a_lower_limit(encode, form, kind, options):
    data = encode(Image.new("L", (12_000, 8_500)), form, **options)
    assert refused(data, shortest_side=64) == (
        "12000 x 8500 pixels, more than the limit of 100 megapixels for a "
        f"{kind} file: make it smaller"
    )


def test_large_photos_are_decoded_one_at_a_time(encode):
    data = encode(Image.new("L", (5_100, 5_000)), "PNG")
    with ThreadPoolExecutor(2) as threads:
        with room_for(open_photo(data)):
            waiting = threads.submit(decode_photo, data)
            assert threads.submit(decode_photo, encode(quarters())).result(5).shape == (32, 64, 3)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        assert waiting.result(10).shape == (5_000, 5_100, 3)


def test_a_photo_without_memory_is_not_called_damaged(encode, monkeypatch):
    monkeypatch.setattr(decode, "in_srgb", Mock(side_effect=MemoryError))
    with pytest.raises(MemoryError):
        decode_photo(encode(quarters()))


def test_the_limit_is_the_callers(encode):
    data = encode(Image.new("RGB", (200, 100)))
    assert decode_photo(data, max_megapixels=0.02).shape == (100, 200, 3)
    assert "0.01 megapixels" in refused(data, max_megapixels=0.01)


def test_pillows_own_limit_neither_warns_nor_changes(encode, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data = encode(quarters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        threads = [threading.Thread(target=decode_photo, args=(data,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        decode_photo(data)
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(Image.DecompressionBombError):
        Image.open(BytesIO(data))


KINDS_OF_JPEG = [
    {}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}, {"restart_marker_blocks": 4}
]  # fmt: skip


def check(data: bytes) -> None:
    photo = open_photo(data)
    upright_rgb(photo)
    check_whole(data, photo)


class TestTheEndOfAJpeg:
    @pytest.fixture(params=KINDS_OF_JPEG, ids=str)
    def options(self, request):
        return request.param

    @pytest.fixture(params=["RGB", "L", "CMYK"])
    def data(self, request, make_picture, encode, options):
        grain = np.random.default_rng(0).integers(0, 40, (218, 322, 3), dtype=np.uint8)
        picture = Image.fromarray(np.asarray(make_picture(322, 218)) // 2 + grain)
        return encode(picture.convert(request.param), **options)

    @pytest.mark.parametrize("tail", [b"", b"\0" * 5_000])
    def test_a_missing_marker_costs_nothing_where_all_pixels_are_there(self, data, tail):
        np.testing.assert_array_equal(decode_photo(data[:-2] + tail), decode_photo(data))

    @pytest.mark.parametrize("tail", [b"", b"\xff\xd9", b"\0" * 100_000, b"\xff\xd9 and a tail"])
    @pytest.mark.parametrize("part", [0.4, 0.6, 0.9, 0.98])
    def test_a_cut_photo_is_damaged_with_and_without_a_marker(self, data, part, tail):
        cut = data[: int(len(data) * part)] + tail
        with pytest.raises(UnreadablePhotoError, match=r"^damaged: "):
            check(cut)

    @pytest.mark.parametrize("tail", [b"", b" and a tail"])
    def test_a_whole_photo_is_whole(self, data, tail):
        check(data + tail)

    def test_other_bytes_are_no_pixel_data(self, data, options):
        with pytest.raises(UnreadablePhotoError):
            decode_photo(data[: len(data) // 2] + b"<html>gone</html>" * 10_000)


@pytest.mark.parametrize("tail", [b"", b"\xff\xd9"])
def test_a_photo_with_a_grey_corner_is_whole(encode, tail):
    photo = Image.new("RGB", (90, 60), (128, 128, 128))
    photo.paste(RED, (0, 0, 30, 30))
    data = encode(photo)[:-2] + tail
    check(data)


@pytest.mark.parametrize("profile", [None, SRGB])
@pytest.mark.parametrize("side", [None, 70])
@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        ("RGB", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("L", "JPEG", {}),
        ("RGB", "PNG", {}),
        ("L", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("LA", "PNG", {}),
        ("RGB", "WEBP", {}),
        ("RGBA", "WEBP", {}),
        ("RGB", "BMP", {}),
    ],
)
def test_an_ordinary_photo_has_the_pixels_that_pillow_gives(
    make_picture, encode, mode, form, options, side, profile
):
    """Pixels are part of every stored feature: they may not change by a bit."""
    picture = make_picture(322, 218).convert(mode)
    if picture.mode in ("RGBA", "LA"):
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    if profile is not None and form != "BMP":
        options = {**options, "icc_profile": profile}
    data = encode(picture, form, **options)
    expected = Image.open(BytesIO(data))
    if side is not None:
        expected.draft(None, (side, side))
    if expected.has_transparency_data:
        paper = Image.new("RGBA", expected.size, "white")
        expected = Image.alpha_composite(paper, expected.convert("RGBA"))
    np.testing.assert_array_equal(decode_photo(data, side), np.asarray(expected.convert("RGB")))
