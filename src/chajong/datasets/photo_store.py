"""The photo store as one Arrow file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from chajong.photos.store import PhotoStore


class PhotoStoreDataset(AbstractDataset["PhotoStore", "PhotoStore"]):
    """Saves re-encoded photos in one sequential file, and maps it into memory on load."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the Arrow file.

        Args:
            filepath: The file.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> PhotoStore:
        """Map the file into memory; photos are read when asked for."""
        from chajong.photos.arrow_file import read_table
        from chajong.photos.store import PhotoStore

        return PhotoStore(read_table(self._filepath))

    def save(self, data: PhotoStore) -> None:
        """Write the file; a reader of the old one keeps its photos until it closes."""
        from chajong.photos.arrow_file import write_table

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        write_table(data.table, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
