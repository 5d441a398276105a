"""A trained model as a versioned directory."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset, DatasetError, Version

if TYPE_CHECKING:
    from chajong.models.checkpoint import Checkpoint


class CheckpointDataset(AbstractVersionedDataset["Checkpoint", "Checkpoint"]):
    """Saves a checkpoint's tensors and configuration in one directory a version."""

    def __init__(
        self,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Name the directory.

        Args:
            filepath: The directory.
            version: The load and save versions, where the catalog asks for versions.
            metadata: Passed through for Kedro-Viz.
        """
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self.metadata = metadata

    def load(self) -> Checkpoint:
        """Read the directory of the version asked for, or of the latest."""
        from chajong.models.checkpoint import read_checkpoint

        return read_checkpoint(Path(self._get_load_path()))

    def save(self, data: Checkpoint) -> None:
        """Write the directory of a new version."""
        from chajong.models.checkpoint import write_checkpoint

        write_checkpoint(data, Path(self._get_save_path()))

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_dir()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
