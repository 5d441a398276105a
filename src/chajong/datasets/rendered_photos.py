"""Rendered cars as a folder in the challenge's layout, written when a plan for it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


@dataclass(frozen=True)
class RenderingPlan:
    """Which cars are rendered.

    Attributes:
        names: Class names; the cars' looks follow from them.
        train_photos: Train photos a class.
        test_photos: Test photos a class.
        size: Width and height in pixels.
        seed: Seed of everything drawn at random.
    """

    names: tuple[str, ...]
    train_photos: int
    test_photos: int
    size: tuple[int, int]
    seed: int


class RenderedPhotosDataset(AbstractDataset[RenderingPlan, Path]):
    """Renders the cars of a plan into a folder; loads as the folder's path."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder.

        Args:
            filepath: The folder.
            metadata: Passed through for Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Give the folder's path, to be named as ``raw_dir``."""
        return self._filepath

    def save(self, data: RenderingPlan) -> None:
        """Render the cars."""
        from chajong.photos.rendered.write import write_rendered_photos

        write_rendered_photos(
            self._filepath,
            data.names,
            train_per_class=data.train_photos,
            test_per_class=data.test_photos,
            seed=data.seed,
            size=data.size,
            oddities=False,
        )

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
