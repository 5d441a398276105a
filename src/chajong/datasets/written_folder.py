"""A folder written by an object that knows how."""

from pathlib import Path
from typing import Protocol

from chajong.datasets.local import LocalDataset


class WritesFolder(Protocol):
    """Whatever can write itself into a folder."""

    def write(self, folder: Path) -> None:
        """Write the files, whole or not at all; the folder may not exist yet."""


class WrittenFolderDataset(LocalDataset[WritesFolder, Path]):
    """Saves a plan by carrying it out in a folder, and loads as the folder's path."""

    def read(self, path: Path) -> Path:
        """Give the folder's path."""
        return path

    def write(self, data: WritesFolder, path: Path) -> None:
        """Let the object write its files."""
        data.write(path)
