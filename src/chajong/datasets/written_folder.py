"""A folder written by an object that knows how."""

from pathlib import Path
from typing import Any, Protocol

from kedro.io import AbstractDataset


class WritesFolder(Protocol):
    """Whatever can write itself into a folder."""

    def write(self, folder: Path) -> None:
        """Write the files; the folder may not exist yet."""


class WrittenFolderDataset(AbstractDataset[WritesFolder, Path]):
    """Saves a plan by carrying it out in a folder, and loads as the folder's path."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder.

        Args:
            filepath: The folder.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Give the folder's path."""
        return self._filepath

    def save(self, data: WritesFolder) -> None:
        """Let the object write its files."""
        data.write(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
