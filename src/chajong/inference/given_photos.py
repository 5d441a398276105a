"""Photos in whatever form a caller has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from chajong.inference.new_photos import PhotoFile
from chajong.photos.sources import PhotoSource, find_photos

Photo = str | Path | bytes | np.ndarray | Image.Image
"""An address, a file's bytes, RGB pixels uint8 [height, width, 3], or a Pillow image."""


@dataclass(frozen=True, eq=False)
class GivenPhoto:
    """A photo that is in memory already.

    Attributes:
        name: What answers call it.
        data: The file's bytes.
        vehicle: Its vehicle, None where that is not known.
    """

    name: str
    data: bytes
    vehicle: str | None = None

    def read(self) -> bytes:
        """Give the bytes."""
        return self.data


def photo_files(
    photos: Photo | Sequence[Photo], vehicles: Sequence[str] | None = None
) -> list[PhotoFile]:
    """Gather photos from wherever they are.

    Args:
        photos: One, or several; an address may be a folder, a glob or a list of many.
        vehicles: The vehicle of each.

    Raises:
        PhotoSourceError: An address leads to no photo.
        ValueError: There are not as many vehicles as photos, or pixels are not RGB.
    """
    given = [photos] if isinstance(photos, Photo) else list(photos)
    found = [file for place, photo in enumerate(given, 1) for file in _files_of(photo, place)]
    if vehicles is None:
        return list(found)
    if len(vehicles) != len(found):
        message = f"{len(vehicles)} vehicles were given for {len(found)} photos: give one a photo."
        raise ValueError(message)
    return [replace(file, vehicle=vehicle) for file, vehicle in zip(found, vehicles, strict=True)]


def _files_of(photo: Photo, place: int) -> Sequence[PhotoSource | GivenPhoto]:
    if isinstance(photo, str | Path):
        return find_photos(photo)
    return [GivenPhoto(f"photo {place}", photo if isinstance(photo, bytes) else _encoded(photo))]


def _encoded(photo: np.ndarray | Image.Image) -> bytes:
    """Encode pixels without loss."""
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
            message = (
                f"Pixels of shape {photo.shape} and type {photo.dtype} are no RGB photo: give "
                "uint8 of shape [height, width, 3]."
            )
            raise ValueError(message)
        photo = Image.fromarray(photo)
    file = BytesIO()
    photo.save(file, "PNG")
    return file.getvalue()
