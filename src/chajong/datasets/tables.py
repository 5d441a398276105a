"""Tables between nodes, and tables that people open as well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import TablePreview

from chajong.datasets.local import LocalDataset
from chajong.manifest import DamagedError, content_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from kedro.io import Version


class ParquetDataset(LocalDataset["pd.DataFrame", "pd.DataFrame"]):
    """Saves a table as a Parquet file: text stays text, whatever it looks like."""

    def __init__(
        self,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        """Name the file.

        Args:
            filepath: The file.
            version: As for `LocalDataset`.
            metadata: Passed through for Kedro-Viz.
            columns: Some that a file of an earlier version of the project may lack.
        """
        super().__init__(filepath, version, metadata)
        self._columns = columns

    def check(self, cure: str) -> None:
        """See that the file is what was written, by this version of the project.

        Args:
            cure: What a person does about it, a sentence.

        Raises:
            DamagedError: It is not.
        """
        from pyarrow.parquet import read_schema

        super().check(cure)
        if missing := set(self._columns) - set(read_schema(self.stored).names):
            message = (
                f"{self.stored} has no column {min(missing)!r}, because an earlier version of "
                f"chajong wrote it. {cure}"
            )
            raise DamagedError(message)

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


class PhotosDataset(ParquetDataset):
    """Saves the `photos` table, in which some may have been out of reach."""

    def is_provisional(self) -> bool:
        """Tell whether files could not be read that another try may read."""
        from chajong.photos.photo_file import OUT_OF_REACH

        reasons = self.load()["reason"].fillna("")
        return bool(reasons.str.startswith(OUT_OF_REACH).any())


class TableDataset(ParquetDataset):
    """Saves a table as a CSV file for people, and beside it as the Parquet file that is loaded.

    A CSV file does not tell the class ``3008`` from a number, nor ``NA`` from nothing: it is
    written, and never read.
    """

    @property
    def stored(self) -> Path:
        """The Parquet file."""
        return super().stored.with_suffix(".parquet")

    def content(self) -> str:
        """Name both files by their content: people look at the one that is not loaded."""
        if not self.exists():
            return ""
        return f"{super().content()} {content_of(super().stored)}"

    def write(self, data: pd.DataFrame, path: Path) -> None:
        """Write both files."""
        from chajong.tables import write_csv

        write_csv(data, path)
        super().write(data, path.with_suffix(".parquet"))
