"""Any photo file to upright 8-bit RGB pixels."""

from __future__ import annotations

import contextlib
import threading
import zlib
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from chajong.photos.colours import in_srgb
from chajong.photos.formats import HEAD_BYTES, format_of
from chajong.slip import SlipError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from PIL.ImageFile import ImageFile

MAX_MEGAPIXELS = 300.0

MAX_WHOLE_MEGAPIXELS = 100.0
"""Size of a photo that no decoder reduces while it reads: its pixels take 4 bytes each."""

LARGE_MEGAPIXELS = 25.0
"""Of such photos, larger ones are decoded one at a time, however many threads there are."""

_ONE_LARGE = threading.Lock()

_READERS: dict[str | None, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "TIFF": TiffImageFile,
    "AVIF": AvifImageFile,
}

_NO_COLOURS = frozenset({"I", "F", "LAB", "HSV"})
"""Pixels that Pillow has no scale for: numbers of 32 bits, and spaces that no photo is kept in."""

_END_MARKER, _SCAN_MARKER = b"\xff\xd9", b"\xff\xda"
_MORE_PIXEL_DATA = bytes(range(1, 255)) * 4
_LAST_BYTES = 32

_EXIF_ORIENTATION = 0x0112
_REDUCED_COPY = 0x00FE
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


class UnreadablePhotoError(SlipError, ValueError):
    """A file that cannot be turned into pixels; the message is the reason, in plain English."""


def decode_photo(
    data: bytes, shortest_side: int | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> np.ndarray:
    """Decode a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF or, with the extra `heic`, HEIC file.

    CMYK, grey, palette and 16-bit photos become 8-bit RGB, colours of another profile become
    sRGB, transparency is laid on white, the EXIF orientation is applied, and of an animation the
    first frame is taken.

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
    with room_for(photo):
        if shortest_side is not None:
            scale_down_decoding(photo, shortest_side)
        rgb = upright_rgb(photo)
        if not has_end(data):
            check_whole(data, photo)
        return np.asarray(rgb)


def open_photo(data: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> ImageFile:
    """Read a photo's header; pixels are decoded by `upright_rgb`.

    Args:
        data: The file's bytes.
        max_megapixels: Size above which the photo is refused; `MAX_WHOLE_MEGAPIXELS` where that
            is less and the photo cannot be decoded at a fraction of its size.

    Returns:
        The unloaded photo, whose size is the one before any EXIF rotation.

    Raises:
        UnreadablePhotoError: The file is empty, of another format, damaged or too large.
    """
    reader = _reader_of(data)
    if reader is JpegImageFile and not has_end(data):
        data = _ended(data)
    # Hostile or damaged bytes make a decoder fail in any way it can: all of them mean the same.
    try:
        photo = reader(BytesIO(data))
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadablePhotoError(f"damaged: {error}") from error
    _check_size(photo, max_megapixels)
    if isinstance(photo, TiffImageFile) and photo.tag_v2.get(_REDUCED_COPY) == 1:
        raise UnreadablePhotoError("a camera's raw file: convert it to JPEG")
    if photo.mode in _NO_COLOURS:
        raise UnreadablePhotoError(f"its pixels are of the kind {photo.mode}: convert it to JPEG")
    clear = photo.info.get("transparency")
    if isinstance(clear, tuple) and "16B" in str(photo.tile):
        # Pillow reads such pixels in 8 bits, and leaves the transparent colour in 16.
        photo.info["transparency"] = tuple(level >> 8 for level in clear)
    return photo


def _reader_of(data: bytes) -> type[ImageFile]:
    """Choose the reader by the file's first bytes.

    Pillow's own chooser, `Image.open`, warns of large photos by a limit that is global to the
    process; a reader called directly leaves the limit to the caller.
    """
    if not data:
        raise UnreadablePhotoError("the file is empty")
    kind = format_of(data[:HEAD_BYTES])
    if kind in _READERS:
        return _READERS[kind]
    if kind == "HEIC":
        return _heic_reader()
    if kind is not None:
        raise UnreadablePhotoError(f"a {kind} photo: convert it to JPEG")
    raise UnreadablePhotoError("not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file")


def _heic_reader() -> type[ImageFile]:
    """Give the reader of what telephones take; it turns the photo upright itself."""
    if find_spec("pillow_heif") is None:
        message = "a HEIC photo: pip install 'chajong[heic]' lets it be read, or convert it to JPEG"
        raise UnreadablePhotoError(message)
    from pillow_heif import HeifImageFile

    return HeifImageFile


def _check_size(photo: ImageFile, max_megapixels: float) -> None:
    width, height = photo.size
    size = f"{width} x {height} pixels, more than the limit of"
    if width * height > max_megapixels * 1e6:
        raise UnreadablePhotoError(f"{size} {max_megapixels:g} megapixels")
    if _decoded_whole(photo) and width * height > MAX_WHOLE_MEGAPIXELS * 1e6:
        kind = "progressive JPEG" if photo.format == "JPEG" else photo.format
        message = f"{size} {MAX_WHOLE_MEGAPIXELS:g} megapixels for a {kind} file: make it smaller"
        raise UnreadablePhotoError(message)


def _decoded_whole(photo: ImageFile) -> bool:
    """Tell whether all of a photo is in memory at once, however small it is wanted."""
    return not isinstance(photo, JpegImageFile) or "progressive" in photo.info


def room_for(photo: ImageFile) -> AbstractContextManager[object]:
    """Let one large photo after another be decoded, so that threads do not share the memory out.

    Args:
        photo: A photo from `open_photo`, before `scale_down_decoding`.

    Returns:
        A context for all that needs the photo's pixels at their full size.
    """
    width, height = photo.size
    large = _decoded_whole(photo) and width * height > LARGE_MEGAPIXELS * 1e6
    return _ONE_LARGE if large else contextlib.nullcontext()


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
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadablePhotoError(f"damaged: {error}") from error
    return rgb.transpose(_TURNS[orientation]) if orientation in _TURNS else rgb


def _rgb(photo: ImageFile) -> Image.Image:
    image = _eight_bit(photo)
    if not image.has_transparency_data:
        return in_srgb(image)
    image = image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    if photo.format == "BMP" and image.getchannel("A").getextrema() == (0, 0):
        # Clipboards leave this byte empty: nobody keeps a picture that cannot be seen.
        return in_srgb(image.convert("RGB"))
    colours = image
    if "icc_profile" in image.info:
        colours = in_srgb(image.convert("L" if image.mode == "LA" else "RGB"))
    paper = Image.new("RGB", image.size, "white")
    paper.paste(colours, mask=image)
    return paper


def _eight_bit(photo: ImageFile) -> Image.Image:
    """Decode the pixels; Pillow itself leaves 16-bit grey as it is."""
    if not photo.mode.startswith("I;16"):
        photo.load()
        return photo
    levels = np.asarray(photo)
    bands = np.array_split(levels, 1 + levels.size // 2**20)  # in float64, all would be much
    image = Image.fromarray(np.vstack([(band / 257).round().astype(np.uint8) for band in bands]))
    image.info = dict(photo.info)
    if (clear := image.info.pop("transparency", None)) is not None:
        image.putalpha(Image.fromarray(levels != clear).convert("L"))
    return image


def check_whole(data: bytes, photo: ImageFile) -> None:
    """Refuse a JPEG whose pixel data end before the photo does.

    Its decoder fills what is missing with grey, or leaves it coarse, and says nothing. More
    pixel data before the end marker changes what is shown of such a photo, and nothing of a whole
    one. Photos that show no sign of it are not decoded again: the last pixel of a cut one is grey,
    unless the file is progressive.

    Args:
        data: The file's bytes.
        photo: What `open_photo` made of them, decoded.

    Raises:
        UnreadablePhotoError: Pixel data are missing.
    """
    if not isinstance(photo, JpegImageFile):
        return
    last = photo.getpixel((photo.width - 1, photo.height - 1))
    grey = set(last if isinstance(last, tuple) else (last,)) in ({127}, {128})
    if has_end(data) and not grey and "progressive" not in photo.info:
        return
    body = _ended(data)[: -len(_END_MARKER)]
    shown = _checksum(body)
    whole = shown is not None and shown == _checksum(body + _MORE_PIXEL_DATA)
    # Without a marker, what follows the photo's own data would be taken for them.
    if not whole or (not has_end(data) and shown == _checksum(body[:-_LAST_BYTES])):
        raise UnreadablePhotoError("damaged: image file is truncated: its pixel data end too early")


def has_end(data: bytes) -> bool:
    """Tell whether an end marker follows the last pixel data; other bytes may come after it."""
    return data.rfind(_END_MARKER) > data.rfind(_SCAN_MARKER)


def _ended(data: bytes) -> bytes:
    """Let a JPEG end with its end marker; zeros of a part that was lost do not count."""
    if has_end(data):
        return data[: data.index(_END_MARKER, data.rindex(_SCAN_MARKER)) + len(_END_MARKER)]
    return data.rstrip(b"\0") + _END_MARKER


def _checksum(body: bytes) -> int | None:
    """Sum up what a JPEG without its end marker shows, None where it shows nothing.

    At half of its size a photo shows all coefficients but the finest, in much less time.
    """
    try:
        photo = JpegImageFile(BytesIO(body + _END_MARKER))
        photo.draft(None, (photo.width // 2, photo.height // 2))
        return zlib.crc32(photo.tobytes())
    except Exception:
        return None
