"""The saved ensemble as a versioned directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.versioned_folder import VersionedFolderDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.classifier import CarClassifier
    from chajong.inference.ensemble import Ensemble


class SavedEnsembleDataset(VersionedFolderDataset["Ensemble", "CarClassifier"]):
    """Saves an ensemble as one directory a version; loads it as what answers about photos."""

    def read(self, folder: Path) -> CarClassifier:
        """Read the directory."""
        from chajong.inference.classifier import CarClassifier

        return CarClassifier.load(folder)

    def write(self, data: Ensemble, folder: Path) -> None:
        """Write the directory."""
        from chajong.inference.saved import write_ensemble

        write_ensemble(data, folder)
