"""Faces and number plates made unreadable, by the cascades that OpenCV ships."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from chajong.photos.decode import decode_photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    Region = tuple[int, int, int, int]
    """Left, top, right and bottom in pixels; the last two are outside."""

FACE_CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_profileface.xml")
PLATE_CASCADES = (
    "haarcascade_russian_plate_number.xml",
    "haarcascade_license_plate_rus_16stages.xml",
)

LONGEST_SIDE = 1024
"""Pixels to which a larger photo is scaled down before the search: it takes a time by its area."""

NEIGHBOURS = 5
"""Overlapping finds that make one; fewer find more, and more that is neither face nor plate."""

MARGIN = 0.15
"""What a region is enlarged by on every side, as a share of its own side."""

CELLS = 3
"""Cells that are left of a region's shorter side: fewer than a letter or an eye needs."""

JPEG_QUALITY = 92


class BlurringError(ImportError):
    """OpenCV, or a cascade that it should ship, is absent; the message says what to install."""


def blur_faces_and_plates(photo: np.ndarray) -> np.ndarray:
    """Blur every face and number plate that is found so far that it cannot be read.

    The search is by boosted cascades of simple features (Viola and Jones, CVPR 2001). It misses
    some, above all small, turned or dark ones: it makes pages decent, and proves nothing anonymous.

    Args:
        photo: RGB uint8 [height, width, 3].

    Returns:
        A copy of the photo in which nothing outside the regions that were found has changed; the
        photo itself where there are none.

    Raises:
        BlurringError: OpenCV or one of its cascades is absent.
    """
    regions = find_faces_and_plates(photo)
    return _blurred(photo, regions) if regions else photo


def blurred_jpeg(jpeg: bytes) -> bytes:
    """Blur the faces and number plates of a photo file.

    Args:
        jpeg: The file's bytes.

    Returns:
        A JPEG; the same bytes where there is nothing to blur.

    Raises:
        UnreadablePhotoError: The file is no photo.
        BlurringError: OpenCV or one of its cascades is absent.
    """
    photo = decode_photo(jpeg)
    blurred = blur_faces_and_plates(photo)
    if blurred is photo:
        return jpeg
    file = BytesIO()
    Image.fromarray(blurred).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def find_faces_and_plates(photo: np.ndarray) -> list[Region]:
    """Find faces and number plates.

    Args:
        photo: RGB uint8 [height, width, 3].

    Returns:
        Enlarged regions inside the photo, which may overlap.

    Raises:
        BlurringError: OpenCV or one of its cascades is absent.
    """
    cascades = _CASCADES
    grey, scale = _prepared(photo)
    width = grey.shape[1]
    found = _found(cascades.faces, grey) + _found(cascades.plates, grey)
    # The cascade of profiles knows those that look to the left.
    mirrored = _found(cascades.faces[1:], grey[:, ::-1].copy())
    found += [(width - right, top, width - left, bottom) for left, top, right, bottom in mirrored]
    return [_enlarged(region, scale, photo.shape) for region in found]


class _Cascades(local):
    """The cascades of a thread, loaded when it first asks: a cascade serves one call at a time."""

    @cached_property
    def faces(self) -> tuple[Any, ...]:
        return tuple(_load(name) for name in FACE_CASCADES)

    @cached_property
    def plates(self) -> tuple[Any, ...]:
        return tuple(_load(name) for name in PLATE_CASCADES)


_CASCADES = _Cascades()


def _load(name: str) -> Any:
    try:
        import cv2

        file = Path(cv2.data.haarcascades) / name
        cascade = cv2.CascadeClassifier(str(file))
    except (ImportError, AttributeError) as error:  # OpenCV 5 has neither cascades nor their class
        raise BlurringError(_what_is_missing("OpenCV 4 is")) from error
    if cascade.empty():
        raise BlurringError(_what_is_missing(f"OpenCV's {name} is"))
    return cascade


def _what_is_missing(missing: str) -> str:
    return (
        f"Faces and number plates cannot be blurred, as {missing} not installed: "
        'run pip install "chajong[app]", or switch the blurring off.'
    )


def _prepared(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the grey photo that is searched, and how many of its pixels one of the photo's is."""
    import cv2

    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LONGEST_SIDE / max(grey.shape))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(grey), scale


def _found(cascades: Sequence[Any], grey: np.ndarray) -> list[Region]:
    return [
        (int(left), int(top), int(left + width), int(top + height))
        for cascade in cascades
        for left, top, width, height in cascade.detectMultiScale(grey, 1.1, NEIGHBOURS)
    ]


def _enlarged(region: Region, scale: float, shape: tuple[int, ...]) -> Region:
    """Put a region of the scaled photo on the photo, with its margin."""
    left, top, right, bottom = (side / scale for side in region)
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    return (
        max(0, int(left - across)),
        max(0, int(top - down)),
        min(shape[1], int(right + across) + 1),
        min(shape[0], int(bottom + down) + 1),
    )


def _blurred(photo: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """Average each region over a few coarse cells, and smooth between them."""
    import cv2

    blurred = photo.copy()
    for left, top, right, bottom in regions:
        region = blurred[top:bottom, left:right]
        height, width = region.shape[:2]
        cell = min(height, width) / CELLS
        cells = (max(1, round(width / cell)), max(1, round(height / cell)))
        coarse = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
        region[:] = cv2.GaussianBlur(smooth, (0, 0), cell / 2)
    return blurred
