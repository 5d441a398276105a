"""New photos, prepared exactly as the photos of a training run are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.photo_file import PatientReading
from chajong.photos.preparation import PreparedPhoto, prepare_photo
from chajong.photos.store import PhotoStore
from chajong.threads import processors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.photos.preparation import StoreSettings

NOTHING_READ = ""
"""The sha-256 of a photo of which no byte could be read."""


class PhotoFile(Protocol):
    """A photo that can be read, from wherever it is."""

    @property
    def name(self) -> str:
        """What people call it; it need not be a path."""

    @property
    def vehicle(self) -> str | None:
        """What tells its vehicle from others, None where that is not known."""

    def read(self) -> bytes:
        """Read the file.

        Raises:
            UnreadablePhotoError: It is no photo's file.
            OSError: It cannot be opened, or the storage failed.
        """


@dataclass(frozen=True, eq=False)
class NewPhotos:
    """Photos prepared for the members' models.

    Attributes:
        files: What was asked about.
        prepared: What became of each, readable or not.
        store: The readable ones.
    """

    files: tuple[PhotoFile, ...]
    prepared: tuple[PreparedPhoto, ...]
    store: PhotoStore

    @property
    def readable(self) -> np.ndarray:
        """Which photos can be read, bool [photos]."""
        return np.array([photo.status == "ok" for photo in self.prepared], bool)

    @property
    def contents(self) -> tuple[str, ...]:
        """The sha-256 of every readable photo, in order; identical photos repeat."""
        return tuple(photo.sha256 for photo in self.prepared if photo.status == "ok")


def prepare_new_photos(files: Sequence[PhotoFile], settings: StoreSettings) -> NewPhotos:
    """Read and prepare photos in parallel; one that cannot be read is marked and kept.

    Args:
        files: The photos.
        settings: How photos are kept, those of the training run.

    Raises:
        PhotoStorageError: Too many photos cannot be opened, or the storage failed.
    """
    import pyarrow as pa

    reading = PatientReading(len(files))
    with ThreadPoolExecutor(processors()) as threads:
        prepared = tuple(threads.map(lambda file: _prepared(file, reading, settings), files))
    jpegs = {photo.sha256: photo.jpeg for photo in prepared if photo.jpeg is not None}
    columns = {
        "sha256": pa.array(list(jpegs), pa.string()),
        "jpeg": pa.array(list(jpegs.values()), pa.large_binary()),
    }
    metadata = {"preparation": settings.key, "settings": settings.model_dump_json()}
    table = pa.table(columns).replace_schema_metadata(metadata)
    return NewPhotos(tuple(files), prepared, PhotoStore(table))


def _prepared(file: PhotoFile, reading: PatientReading, settings: StoreSettings) -> PreparedPhoto:
    try:
        return prepare_photo(reading.read(file.name, file.read), settings)
    except UnreadablePhotoError as error:
        return PreparedPhoto(NOTHING_READ, 0, "unreadable", str(error))
