"""An index of known photos as a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from chajong.search.photo_index import PhotoIndex


class PhotoIndexDataset(AbstractDataset["PhotoIndex", "PhotoIndex"]):
    """Saves an index with its photo ids, its encoder and small copies of the photos."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the directory.

        Args:
            filepath: The directory; saving replaces it.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> PhotoIndex:
        """Read the index; its vectors are mapped where they can be."""
        from chajong.search.photo_index import read_photo_index

        return read_photo_index(self._filepath)

    def save(self, data: PhotoIndex) -> None:
        """Write the index, whole or not at all."""
        from chajong.search.photo_index import write_photo_index

        write_photo_index(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
