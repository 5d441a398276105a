"""A trained model as a versioned directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.versioned_folder import VersionedFolderDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.members.checkpoint import Checkpoint


class CheckpointDataset(VersionedFolderDataset["Checkpoint", "Checkpoint"]):
    """Saves a checkpoint's tensors and configuration in one directory a version."""

    def read(self, folder: Path) -> Checkpoint:
        """Read the directory."""
        from chajong.members.checkpoint import read_checkpoint

        return read_checkpoint(folder)

    def write(self, data: Checkpoint, folder: Path) -> None:
        """Write the directory."""
        from chajong.members.checkpoint import write_checkpoint

        write_checkpoint(data, folder)
