"""Tables between nodes, and tables that people open as well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import TablePreview

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    import pandas as pd


class ParquetDataset(LocalDataset["pd.DataFrame", "pd.DataFrame"]):
    """Saves a table as a Parquet file: text stays text, whatever it looks like."""

    def read(self, path: Path) -> pd.DataFrame:
        """Read the file."""
        from chajong.tables import read_parquet

        frame: pd.DataFrame = read_parquet(path).to_pandas()
        return frame

    def write(self, data: pd.DataFrame, path: Path) -> None:
        """Write the file."""
        import pyarrow as pa

        from chajong.tables import write_parquet

        write_parquet(pa.Table.from_pandas(data), path)

    def preview(self, nrows: int = 5) -> TablePreview:
        """Give the first rows to Kedro-Viz."""
        rows: dict[str, Any] = self.load().head(nrows).to_dict(orient="split")
        return TablePreview(rows)


class TableDataset(ParquetDataset):
    """Saves a table as a CSV file for people, and beside it as the Parquet file that is loaded.

    A CSV file does not tell the class ``3008`` from a number, nor ``NA`` from nothing: it is
    written, and never read. It has a BOM, by which spreadsheets know that it is UTF-8.
    """

    @property
    def stored(self) -> Path:
        """The Parquet file."""
        return super().stored.with_suffix(".parquet")

    def write(self, data: pd.DataFrame, path: Path) -> None:
        """Write both files."""
        from chajong.whole import whole_file

        with whole_file(path) as unfinished:
            data.to_csv(unfinished, index=False, encoding="utf-8-sig", lineterminator="\n")
        super().write(data, path.with_suffix(".parquet"))
