"""Every table in a folder, by file name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    import pandas as pd


class TableFolderDataset(AbstractDataset[None, "dict[str, pd.DataFrame]"]):
    """Loads every CSV and Parquet file of a folder; an absent folder holds no tables."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder.

        Args:
            filepath: The folder.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        """Read the tables.

        Returns:
            Tables by file name, in the order of the names.
        """
        import pandas as pd

        tables = {}
        for path in sorted(self._filepath.glob("*")):
            if path.suffix.lower() == ".csv":
                tables[path.name] = pd.read_csv(path, encoding="utf-8-sig")
            elif path.suffix.lower() == ".parquet":
                tables[path.name] = pd.read_parquet(path)
        return tables

    def save(self, data: None) -> NoReturn:
        """Tables of others are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("Tables that others drop in are read-only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
