"""A trained model as a versioned directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.members.checkpoint import Checkpoint


class CheckpointDataset(LocalDataset["Checkpoint", "Checkpoint"]):
    """Saves a checkpoint's tensors and configuration in one directory a version."""

    def read(self, path: Path) -> Checkpoint:
        """Read the directory."""
        from chajong.members.checkpoint import read_checkpoint

        return read_checkpoint(path)

    def write(self, data: Checkpoint, path: Path) -> None:
        """Write the directory."""
        from chajong.members.checkpoint import write_checkpoint

        write_checkpoint(data, path)
