"""The saved ensemble as a versioned directory."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset, DatasetError, Version

if TYPE_CHECKING:
    from chajong.inference.classifier import CarClassifier
    from chajong.inference.ensemble import Ensemble


class SavedEnsembleDataset(AbstractVersionedDataset["Ensemble", "CarClassifier"]):
    """Saves an ensemble as one directory a version; loads it as what answers about photos."""

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

    def load(self) -> CarClassifier:
        """Load the version asked for, or the latest."""
        from chajong.inference.classifier import CarClassifier

        return CarClassifier.load(Path(self._get_load_path()))

    def save(self, data: Ensemble) -> None:
        """Write the directory of a new version."""
        from chajong.inference.saved import write_ensemble

        write_ensemble(data, Path(self._get_save_path()))

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).is_dir()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
