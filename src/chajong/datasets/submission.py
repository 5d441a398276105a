"""The submission as a CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


class SubmissionDataset(LocalDataset["pd.DataFrame", "pd.DataFrame"]):
    """Saves a submission with a BOM and every digit, and loads IDs as text."""

    def read(self, path: Path) -> pd.DataFrame:
        """Read the file."""
        from chajong.predictions.submission import read_submission

        return read_submission(path)

    def write(self, data: pd.DataFrame, path: Path) -> None:
        """Write the file."""
        from chajong.predictions.submission import write_submission

        write_submission(data, path)
