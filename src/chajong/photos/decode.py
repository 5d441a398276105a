"""Any photo file to upright 8-bit RGB pixels."""

from __future__ import annotations

import contextlib
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MAX_MEGAPIXELS = 300.0

_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})


class UnreadablePhotoError(ValueError):
    """A file that cannot be turned into pixels; the message is the reason, in plain English."""


def decode_photo(
    data: bytes, shortest_side: int | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> np.ndarray:
    """Decode a JPEG, PNG, WebP or BMP file.

    CMYK, grey, palette and 16-bit photos become 8-bit RGB, transparency is laid on white, the EXIF
    orientation is applied, and of an animation the first frame is taken.

    Args:
        data: The file's bytes.
        shortest_side: Pixels that the shortest side needs at least. A larger JPEG is decoded at
            1/2, 1/4 or 1/8 of its size where that is still enough; other formats and smaller
            photos keep their size.
        max_megapixels: Size by the file's header above which nothing is decoded.

    Returns:
        A read-only uint8 array of shape [height, width, 3].

    Raises:
        UnreadablePhotoError: The file is empty, of another format, damaged or too large.
    """
    photo = open_photo(data, max_megapixels)
    if shortest_side is not None:
        scale_down_decoding(photo, shortest_side)
    return np.asarray(upright_rgb(photo))


def open_photo(data: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> ImageFile:
    """Read a photo's header; pixels are decoded by `upright_rgb`.

    Args:
        data: The file's bytes.
        max_megapixels: Size above which the photo is refused.

    Returns:
        The unloaded photo, whose size is the one before any EXIF rotation.

    Raises:
        UnreadablePhotoError: The file is empty, of another format, damaged or too large.
    """
    reader = _reader_of(data)
    # Hostile or damaged bytes make a decoder fail in any way it can: all of them mean the same.
    try:
        photo = reader(BytesIO(data))
    except Exception as error:
        raise UnreadablePhotoError(f"damaged: {error}") from error
    width, height = photo.size
    if width * height > max_megapixels * 1e6:
        reason = f"{width} x {height} pixels, more than the limit of {max_megapixels:g} megapixels"
        raise UnreadablePhotoError(reason)
    return photo


def _reader_of(data: bytes) -> type[ImageFile]:
    """Choose the reader by the file's first bytes.

    Pillow's own chooser, `Image.open`, warns of large photos by a limit that is global to the
    process; a reader called directly leaves the limit to the caller.
    """
    if not data:
        raise UnreadablePhotoError("the file is empty")
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WebPImageFile
    if data.startswith(b"BM"):
        return BmpImageFile
    raise UnreadablePhotoError("not a JPEG, PNG, WebP or BMP file")


def orientation_of(photo: Image.Image) -> int:
    """Read the EXIF orientation.

    Args:
        photo: A photo from `open_photo`.

    Returns:
        1 (upright) to 8 as in the EXIF specification; 1 where there is none or it makes no sense.
    """
    # Damaged EXIF data says nothing about the pixels.
    with contextlib.suppress(Exception):
        orientation = photo.getexif().get(_EXIF_ORIENTATION, 1)
        return orientation if orientation in _TURNS else 1
    return 1


def upright_size(photo: Image.Image) -> tuple[int, int]:
    """Give a photo's width and height in pixels after its EXIF rotation."""
    width, height = photo.size
    return (height, width) if orientation_of(photo) in _SIDEWAYS else (width, height)


def scale_down_decoding(photo: ImageFile, shortest_side: int) -> None:
    """Let a JPEG be decoded at a fraction of its size.

    Args:
        photo: A photo from `open_photo` that is not decoded yet; other formats stay as they are.
        shortest_side: Pixels that the shortest side keeps at least.
    """
    if isinstance(photo, JpegImageFile):
        photo.draft(None, (shortest_side, shortest_side))


def upright_rgb(photo: ImageFile) -> Image.Image:
    """Decode the pixels, turn them upright and make them 8-bit RGB.

    Args:
        photo: A photo from `open_photo`.

    Returns:
        A photo of mode RGB.

    Raises:
        UnreadablePhotoError: The pixel data is cut off or damaged.
    """
    orientation = orientation_of(photo)
    try:
        rgb = _rgb(photo)
    except Exception as error:
        raise UnreadablePhotoError(f"damaged: {error}") from error
    return rgb.transpose(_TURNS[orientation]) if orientation in _TURNS else rgb


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("RGB")
