"""An index of known photos as a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.search.photo_index import PhotoIndex


class PhotoIndexDataset(LocalDataset["PhotoIndex", "PhotoIndex"]):
    """Saves an index with its photo ids, its encoder and small copies of the photos."""

    def read(self, path: Path) -> PhotoIndex:
        """Read the index; its vectors are mapped where they can be."""
        from chajong.search.photo_index import read_photo_index

        return read_photo_index(path)

    def write(self, data: PhotoIndex, path: Path) -> None:
        """Write the index, in place of an earlier one."""
        from chajong.search.photo_index import write_photo_index

        write_photo_index(data, path)
