"""Files that people and attackers upload."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def photo(size=(160, 100), **options):
    """A small JPEG of noise."""
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def bomb():
    """A PNG of a few hundred bytes that says it has 4,000,000,000 pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 100_000, 40_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def encoded(image, kind, **options):
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def hundred_megapixels():
    """A real photo of 100 million pixels, small as a file."""
    return encoded(Image.new("RGB", (12_500, 8_000), "grey"), "JPEG")


def rotated():
    """A photo that EXIF turns by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo(exif=exif)


REFUSED = {
    "bomb.png": (bomb, "more than the limit of 50 megapixels"),
    "truncated.jpg": (lambda: photo()[:2_000], "damaged or cut off"),
    "drawing.svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG"),
    "page.jpg": (lambda: b"<html><script>alert(1)</script></html>", "not a JPEG, PNG"),
    "huge.jpg": (hundred_megapixels, "more than the limit of 50 megapixels"),
    "empty.jpg": (lambda: b"", "the file is empty"),
}
"""By name: what makes the file, and what the answer says."""

ANSWERED = {
    "rotated.jpg": rotated,
    "animated.gif": lambda: encoded(Image.new("P", (160, 100)), "GIF"),
    "cmyk.jpg": lambda: encoded(Image.new("CMYK", (160, 100), (9, 90, 200, 9)), "JPEG"),
    "animated.webp": lambda: encoded(
        Image.new("RGB", (160, 100), "red"),
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGB", (160, 100), "blue")],
    ),
    "../../../../etc/passwd.jpg": photo,
    "C:\\Windows\\x.jpg": photo,
    "차종" * 90 + ".jpg": photo,
    "<img src=x onerror=alert(1)>.jpg": photo,
}
