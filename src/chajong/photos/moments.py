"""When and with which camera a photo was taken, by what its file says."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from chajong.photos.decode import UnreadablePhotoError, open_photo
from chajong.photos.formats import HEAD_BYTES, format_of
from chajong.photos.photo_file import PatientReading, read_photo_file
from chajong.photos.raw_tables import plain_name
from chajong.threads import processors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

_HEADER_BYTES = 1 << 18
"""A JPEG has its EXIF data in front; other formats may have them anywhere."""

# Tags of the EXIF specification.
_EXIF_PART, _MAKE, _MODEL, _SERIAL_NUMBER = 0x8769, 0x010F, 0x0110, 0xA431
_TAKEN, _DIGITISED, _WRITTEN = 0x9003, 0x9004, 0x0132


@dataclass(frozen=True)
class Moment:
    """When a photo was taken.

    Attributes:
        camera: Its make, model and serial number, as far as they are known.
        time: By the camera's own clock.
    """

    camera: str
    time: datetime


def read_moments(root: Path, paths: Sequence[str]) -> list[Moment | None]:
    """Read the EXIF data of photos, in parallel.

    Args:
        root: The folder of the photos.
        paths: Relative to it.

    Returns:
        The moment of each photo, None where its file does not say both time and camera.

    Raises:
        PhotoStorageError: Too many of the files cannot be read.
    """
    reading = PatientReading(len(paths))

    def read(path: str) -> Moment | None:
        with contextlib.suppress(UnreadablePhotoError):
            return moment_of(open_photo(reading.read(path, partial(_header, root / path))))
        return None

    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(read, paths))


def _header(path: Path) -> bytes:
    head = read_photo_file(path, _HEADER_BYTES)
    return head if format_of(head[:HEAD_BYTES]) == "JPEG" else read_photo_file(path)


def moment_of(photo: Image) -> Moment | None:
    """Read time and camera from EXIF data.

    Args:
        photo: From `open_photo`.

    Returns:
        None where either is missing or makes no sense.
    """
    # Damaged EXIF data say nothing.
    with contextlib.suppress(Exception):
        outer = photo.getexif()
        exif = {**outer, **outer.get_ifd(_EXIF_PART)}
        taken = exif.get(_TAKEN) or exif.get(_DIGITISED) or exif[_WRITTEN]
        time = datetime.strptime(_text(taken), "%Y:%m:%d %H:%M:%S")
        known = [_text(exif[tag]) for tag in (_MAKE, _MODEL, _SERIAL_NUMBER) if tag in exif]
        return Moment(" ".join(known), time) if _text(exif[_MODEL]) else None
    return None


def _text(value: object) -> str:
    return plain_name(str(value).strip(" \0"))
