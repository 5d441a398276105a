"""A dataset that may not exist: what reads it gets ``None``.

The ensemble pools the members that have run, and names the others.
"""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from kedro.io.core import (
    VERSIONED_FLAG_KEY,
    AbstractDataset,
    AbstractVersionedDataset,
    Version,
)

from chajong.content import KnownByContent
from chajong.manifest import content_of


class Skipped:
    """What a node returns in place of an output that there cannot be this time."""

    def __repr__(self) -> str:
        """Show the same text for every instance."""
        return "Skipped()"


class OptionalDataset(AbstractDataset[Any, Any]):
    """Wraps a dataset that may never have been saved.

    Loading gives ``None`` where nothing was saved; saving a `Skipped` leaves what was saved by an
    earlier run as it is. ``versioned: true`` stands beside ``dataset``, not inside it.

    Example:
        ::

            "{member}.predictions":
              type: chajong.datasets.OptionalDataset
              dataset:
                type: chajong.datasets.PredictionsDataset
                filepath: data/07_model_output/{member}/predictions.parquet
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Build the wrapped dataset.

        Args:
            dataset: The wrapped dataset's configuration.
            version: The load and save versions, where the catalog asks for versions.
            metadata: Passed through for Kedro-Viz.
        """
        configuration = deepcopy(dataset)
        if version is not None:
            configuration[VERSIONED_FLAG_KEY] = True
        self._dataset: AbstractDataset[Any, Any] = AbstractDataset.from_config(
            "optional",
            configuration,
            version.load if version else None,
            version.save if version else None,
        )
        self.metadata = metadata

    @property
    def wrapped(self) -> AbstractDataset[Any, Any]:
        """What is saved and loaded where it exists."""
        return self._dataset

    @property
    def preview(self) -> Callable[..., Any]:
        """What Kedro-Viz shows, the wrapped dataset's; there is none where that has none."""
        shown: Callable[..., Any] = self._dataset.preview  # type: ignore[attr-defined]
        return shown

    def content(self) -> str | None:
        """Name what is stored by its content, None where the wrapped dataset cannot."""
        if not self.exists():
            return ""
        if isinstance(self._dataset, KnownByContent):
            return self._dataset.content()
        if isinstance(self._dataset, AbstractVersionedDataset):
            return content_of(Path(self._dataset._get_load_path()))
        return None

    def _load(self) -> Any:
        return self._dataset.load() if self._dataset.exists() else None

    def _save(self, data: Any) -> None:
        if not isinstance(data, Skipped):
            self._dataset.save(data)

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _release(self) -> None:
        self._dataset.release()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset._describe()}
