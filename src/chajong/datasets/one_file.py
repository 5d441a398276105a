"""What datasets that keep one local file have in common."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

Data = TypeVar("Data")


class OneFileDataset(AbstractDataset[Data, Data]):
    """Keeps its data in one file, in a folder that is made when it is needed."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the file.

        Args:
            filepath: The file.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    @abstractmethod
    def read(self, path: Path) -> Data:
        """Read the file."""

    @abstractmethod
    def write(self, data: Data, path: Path) -> None:
        """Write the file, whole or not at all."""

    def load(self) -> Data:
        """Read the data."""
        return self.read(self._filepath)

    def save(self, data: Data) -> None:
        """Write the data."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self.write(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
