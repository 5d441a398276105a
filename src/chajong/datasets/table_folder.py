"""Every table in a folder, by file name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from chajong.manifest import content_of

if TYPE_CHECKING:
    import pandas as pd


class TableFolderDataset(AbstractDataset[None, "dict[str, pd.DataFrame]"]):
    """Loads every table of a folder; an absent folder holds none.

    Hidden files, and what operating systems leave, are none; every other file must be a table.
    """

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

        Raises:
            ExternalMemberError: A file is no table; the message names it.
        """
        from chajong.photos.files import is_of_the_system
        from chajong.predictions.table_files import read_table

        files = sorted(self._filepath.iterdir()) if self._filepath.is_dir() else []
        return {file.name: read_table(file) for file in files if not is_of_the_system(file.name)}

    def content(self) -> str:
        """Name all files by their content."""
        return content_of(self._filepath)

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
