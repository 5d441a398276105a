"""Predictions of one member as a Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.predictions.contract import Predictions


class PredictionsDataset(LocalDataset["Predictions", "Predictions"]):
    """Saves a member's log-probabilities with the hash of the classes and folds they belong to."""

    def read(self, path: Path) -> Predictions:
        """Read the file."""
        from chajong.predictions.contract import read_predictions

        return read_predictions(path)

    def write(self, data: Predictions, path: Path) -> None:
        """Write the file."""
        from chajong.predictions.contract import write_predictions

        write_predictions(data, path)
