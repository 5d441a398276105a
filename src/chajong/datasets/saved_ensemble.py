"""The saved ensemble as a versioned directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.classifier import CarClassifier
    from chajong.inference.ensemble import Ensemble


class SavedEnsembleDataset(LocalDataset["Ensemble", "CarClassifier"]):
    """Saves an ensemble as one directory a version; loads it as what answers about photos."""

    def read(self, path: Path) -> CarClassifier:
        """Read the directory."""
        from chajong.inference.classifier import CarClassifier

        return CarClassifier.load(path)

    def write(self, data: Ensemble, path: Path) -> None:
        """Write the directory."""
        from chajong.inference.saved import write_ensemble

        write_ensemble(data, path)
