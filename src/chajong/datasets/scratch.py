"""The one place where a node may write by itself."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class ScratchDataset(AbstractDataset[None, Path]):
    """Loads as a folder for content-keyed work that an interrupted run resumes from.

    Nothing downstream reads the folder, and deleting it costs only time.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder.

        Args:
            filepath: The folder; it is made when it is first loaded.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Make the folder where it does not exist, and give its path."""
        self._filepath.mkdir(parents=True, exist_ok=True)
        return self._filepath

    def content(self) -> str:
        """Name what results depend on: nothing that lies in the folder."""
        return ""

    def save(self, data: None) -> NoReturn:
        """A scratch folder is an input only.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("A scratch folder is an input of a node, never an output.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
