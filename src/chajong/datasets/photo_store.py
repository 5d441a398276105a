"""The photo store as one Arrow file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.photos.store import PhotoStore


class PhotoStoreDataset(LocalDataset["PhotoStore", "PhotoStore"]):
    """Saves re-encoded photos in one sequential file, and maps it into memory on load."""

    def read(self, path: Path) -> PhotoStore:
        """Map the file into memory; photos are read when asked for."""
        from chajong.photos.store import open_photo_store

        return open_photo_store(path)

    def write(self, data: PhotoStore, path: Path) -> None:
        """Write the file; a reader of the old one keeps its photos until it closes."""
        from chajong.tables import write_table

        write_table(data.table, path)
