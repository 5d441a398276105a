"""What datasets that keep one local folder a version have in common."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from kedro.io import AbstractVersionedDataset, DatasetError, Version

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class VersionedFolderDataset(AbstractVersionedDataset[Saved, Loaded]):
    """Keeps its data in one folder a version, each whole."""

    def __init__(
        self,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Name the folder.

        Args:
            filepath: The folder.
            version: The load and save versions, where the catalog asks for versions.
            metadata: Passed through for Kedro-Viz.
        """
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self.metadata = metadata

    @abstractmethod
    def read(self, folder: Path) -> Loaded:
        """Read the folder of a version."""

    @abstractmethod
    def write(self, data: Saved, folder: Path) -> None:
        """Write the folder of a version, whole or not at all."""

    def load(self) -> Loaded:
        """Read the version asked for, or the latest."""
        return self.read(Path(self._get_load_path()))

    def save(self, data: Saved) -> None:
        """Write a new version, and remove what killed runs left of theirs."""
        self._remove_leftovers()
        self.write(data, Path(self._get_save_path()))

    def _remove_leftovers(self) -> None:
        from chajong.whole import remove_leftovers

        versions = Path(self._filepath)
        for version in versions.iterdir() if self._version and versions.is_dir() else ():
            if version.is_dir():
                remove_leftovers(version / versions.name)
                if not any(version.iterdir()):
                    version.rmdir()

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_dir()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
