"""Features of one encoder as one Arrow file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from chajong.models.features import Features


class FeaturesDataset(AbstractDataset["Features", "Features"]):
    """Saves a feature matrix, its photo ids and what made it."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the Arrow file.

        Args:
            filepath: The file.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Features:
        """Read the file."""
        from chajong.models.features import features_from_table
        from chajong.photos.arrow_file import read_table

        return features_from_table(read_table(self._filepath))

    def save(self, data: Features) -> None:
        """Write the file."""
        from chajong.models.features import features_to_table
        from chajong.photos.arrow_file import write_table

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        write_table(features_to_table(data), self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
