"""The figures of every stored run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from chajong.content import content_key
from chajong.manifest import fingerprint

logger = logging.getLogger(__name__)

FILES = ("metrics.json", "report.json")
"""Versioned files: what a member noted of itself, and what the ensemble did."""

History = dict[str, dict[str, dict[str, Any]]]


class MetricsHistoryDataset(AbstractDataset[None, History]):
    """Loads all versions of ``<name>/metrics.json`` and ``<name>/report.json`` of a folder."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder.

        Args:
            filepath: The folder of reports.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> History:
        """Read every version; a file that cannot be read is logged and left out.

        Returns:
            For each name its figures by version, in the order of names and versions.
        """
        history: History = {}
        for path in self._files():
            figures = _read_figures(path)
            if figures is not None:
                name, _, version, _ = path.relative_to(self._filepath).parts
                history.setdefault(name, {})[version] = figures
        return dict(sorted(history.items()))

    def content(self) -> str:
        """Name all versions by their content."""
        return content_key({str(path): fingerprint(path) for path in self._files()})

    def _files(self) -> list[Path]:
        return [
            path for file in FILES for path in sorted(self._filepath.glob(f"*/{file}/*/{file}"))
        ]

    def save(self, data: None) -> NoReturn:
        """A history is never written: the runs write it.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            "The history of runs is read-only: it is what runs saved as metrics and reports."
        )

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _read_figures(path: Path) -> dict[str, Any] | None:
    """Return a file's object, None where a stopped run left no whole one."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("%s is left out of the history of runs: %s", path, error)
        return None
    if not isinstance(figures, dict):
        logger.warning("%s is left out of the history of runs: it holds no object.", path)
        return None
    return figures
