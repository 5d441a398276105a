"""The submission as a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    import pandas as pd


class SubmissionDataset(AbstractDataset["pd.DataFrame", "pd.DataFrame"]):
    """Saves a submission with a BOM and every digit, and loads IDs as text."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the CSV file.

        Args:
            filepath: The file.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the file."""
        from chajong.probabilities.submission import read_submission

        return read_submission(self._filepath)

    def save(self, data: pd.DataFrame) -> None:
        """Write the file."""
        from chajong.probabilities.submission import write_submission

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        write_submission(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
