"""Figures and pages as text."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import JSONPreview, PlotlyPreview

from chajong.datasets.local import LocalDataset
from chajong.manifest import REMAKE, DamagedError, check_file
from chajong.whole import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from plotly.graph_objects import Figure


class TextDataset(LocalDataset[str, str]):
    """Saves text in UTF-8."""

    def read(self, path: Path) -> str:
        """Read the file."""
        return path.read_text(encoding="utf-8")

    def write(self, data: str, path: Path) -> None:
        """Write the file."""
        with whole_file(path) as unfinished:
            unfinished.write_text(data, encoding="utf-8")


class JSONDataset(LocalDataset[Any, Any]):
    """Saves JSON values; a number that is none becomes null, as JSON knows only finite ones."""

    def read(self, path: Path) -> Any:
        """Read the file."""
        check_file(path, REMAKE)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DamagedError(f"{path} is damaged ({error}). {REMAKE}") from error

    def write(self, data: Any, path: Path) -> None:
        """Write the file."""
        text = json.dumps(_finite(data), ensure_ascii=False, indent=2, allow_nan=False)
        with whole_file(path, sealed=True) as unfinished:
            unfinished.write_text(text, encoding="utf-8")

    def preview(self) -> JSONPreview:
        """Give the text to Kedro-Viz."""
        return JSONPreview(json.dumps(self.load(), ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


class ChartDataset(LocalDataset["Figure", "Figure"]):
    """Saves a Plotly figure as JSON, which Kedro-Viz and notebooks draw."""

    def read(self, path: Path) -> Figure:
        """Read the file."""
        from plotly.io import from_json

        return from_json(path.read_text(encoding="utf-8"))

    def write(self, data: Figure, path: Path) -> None:
        """Write the file."""
        with whole_file(path) as unfinished:
            data.write_json(unfinished)

    def preview(self) -> PlotlyPreview:
        """Give the figure to Kedro-Viz."""
        return PlotlyPreview(json.loads(self.load().to_json()))
