"""Predictions of one member as a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from chajong.probabilities.predictions import Predictions


class PredictionsDataset(AbstractDataset["Predictions", "Predictions"]):
    """Saves a member's log-probabilities with the hash of the classes and folds they belong to."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the Parquet file.

        Args:
            filepath: The file.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Predictions:
        """Read the file."""
        from chajong.probabilities.predictions import read_predictions

        return read_predictions(self._filepath)

    def save(self, data: Predictions) -> None:
        """Write the file."""
        from chajong.probabilities.predictions import write_predictions

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        write_predictions(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
