import contextlib
import struct
import threading
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from chajong.photos.decode import UnreadablePhotoError, decode_photo

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


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


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
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


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_animation_gives_its_first_frame(encode, form):
    second = Image.new("RGB", (64, 32), "black")
    data = encode(quarters(), form, save_all=True, append_images=[second], lossless=True)
    assert_close(decode_photo(data), quarters(), 1)


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
    assert refused("사진이 아님".encode()) == "not a JPEG, PNG, WebP or BMP file"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_refuses_a_truncated_file(encode, make_picture, form, part):
    data = encode(make_picture(400, 300), form)
    assert refused(data[: int(len(data) * part)]).startswith("damaged: ")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
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
