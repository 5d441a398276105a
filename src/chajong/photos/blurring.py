"""Faces and number plates made unreadable, by the cascades that OpenCV ships."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from chajong.photos.decode import decode_photo
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Region = tuple[int, int, int, int]
    """Left, top, right and bottom in pixels; the last two are outside."""

FACE_CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_profileface.xml")
PLATE_CASCADES = (
    "haarcascade_russian_plate_number.xml",
    "haarcascade_license_plate_rus_16stages.xml",
)


@dataclass(frozen=True)
class Search:
    """How cascades look for one kind of thing.

    Attributes:
        longest_side: Pixels that the photo's longest side is scaled to.
        step: Ratio of one size that is looked for to the next smaller one.
        neighbours: Overlapping finds that make one; fewer find more, true and false.
    """

    longest_side: int
    step: float
    neighbours: int


FACES = Search(longest_side=640, step=1.2, neighbours=5)
PLATES = Search(longest_side=1024, step=1.1, neighbours=5)
"""Plates of less than 60 pixels are not found, so small photos are enlarged."""

MARGIN = 0.15
"""What a region is enlarged by on every side, as a share of its own side."""

CELLS = 3
"""Cells that are left of a region's shorter side: fewer than a letter or an eye needs."""

JPEG_QUALITY = 92


class BlurringError(SlipError, ImportError):
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
    return [*_found(photo, _CASCADES.plates, PLATES), *_faces(photo)]


def _faces(photo: np.ndarray) -> list[Region]:
    width = photo.shape[1]
    # The cascade of profiles knows those that look to one side.
    mirrored = _found(photo[:, ::-1], _CASCADES.faces[1:], FACES)
    turned = [(width - right, top, width - left, bottom) for left, top, right, bottom in mirrored]
    return [*_found(photo, _CASCADES.faces, FACES), *turned]


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
        from cv2.data import haarcascades

        cascade = cv2.CascadeClassifier(str(Path(haarcascades) / name))
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


def _found(photo: np.ndarray, cascades: Sequence[Any], search: Search) -> list[Region]:
    import cv2

    scale = search.longest_side / max(photo.shape[:2])
    resampling = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2GRAY)
    height, width = (max(1, round(scale * side)) for side in grey.shape)
    scaled = cv2.resize(grey, (width, height), interpolation=resampling)
    return [
        _enlarged(region, scale, photo.shape)
        for cascade in cascades
        for region in cascade.detectMultiScale(scaled, search.step, search.neighbours)
    ]


def _enlarged(found: Sequence[int], scale: float, shape: tuple[int, ...]) -> Region:
    """Put left, top, width and height in the scaled photo on the photo, with a margin."""
    left, top, width, height = (float(side) / scale for side in found)
    across, down = MARGIN * width, MARGIN * height
    return (
        max(0, int(left - across)),
        max(0, int(top - down)),
        min(shape[1], int(left + width + across) + 1),
        min(shape[0], int(top + height + down) + 1),
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
