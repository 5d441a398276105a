"""What MLflow notes of a run, beside the run itself that kedro-mlflow starts and ends.

Registered only where the extra `mlflow` is installed: mlflow is imported inside the hooks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from pydantic import BaseModel

from chajong.datasets.optional import Skipped

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

METRICS = ("metrics", "report")
"""Last parts of the names of datasets that hold a member's or the ensemble's figures."""

REPORTING_LAYER = "reporting"
SUBMISSION = "ensemble.submission"

NOT_ALLOWED = re.compile(r"[^/\w.\- ]")
"""What MLflow does not take in the name of a metric or parameter."""


class MlflowTrackingHooks:
    """Log parameters, members' figures and reports to the MLflow run that kedro-mlflow started.

    kedro-mlflow notes a validated group of parameters as one text; here each has its own name.
    """

    def __init__(self) -> None:
        """Start outside a run."""
        self._run_id: str | None = None
        self._catalog: DataCatalog | None = None
        self._logged: set[str] = set()

    @hook_impl(trylast=True)
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Take the run that kedro-mlflow has just started, if it tracks this pipeline."""
        import mlflow

        active = mlflow.active_run()
        self._run_id = active.info.run_id if active else None
        self._catalog = catalog
        self._logged = set()

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Log the node's parameters."""
        for name, value in inputs.items():
            self._log_parameters(name, value)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Log figures as metrics, and reports and the submission as artefacts."""
        self._log_output(dataset_name, data)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log the same of steps that had nothing new to do."""
        if self._run_id is None:
            return
        for name in sorted(pipeline.datasets() - self._logged):
            if name.startswith("params:"):
                self._log_parameters(name, catalog.load(name))
            elif name in pipeline.all_outputs() and catalog.exists(name):
                is_figures = name.rpartition(".")[2] in METRICS
                self._log_output(name, catalog.load(name) if is_figures else None)

    def _log_parameters(self, name: str, value: Any) -> None:
        if self._run_id is None or not isinstance(value, BaseModel):
            return
        import mlflow

        self._logged.add(name)
        parameters = value.model_dump(mode="json")
        named = dict(_leaves(parameters, name.removeprefix("params:")))
        mlflow.log_params(named, run_id=self._run_id)

    def _log_output(self, dataset_name: str, data: Any) -> None:
        self._logged.add(dataset_name)
        if self._run_id is None or self._catalog is None or isinstance(data, Skipped):
            return
        import mlflow

        namespace, _, last = dataset_name.rpartition(".")
        if last in METRICS and isinstance(data, dict):
            mlflow.log_metrics(dict(_numbers(data, namespace)), run_id=self._run_id)
        path = _reported_file(dataset_name, self._catalog)
        if path is not None:
            mlflow.log_artifact(str(path), artifact_path=namespace or None, run_id=self._run_id)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what nested mappings hold, under the names of the way there."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}")
    else:
        yield NOT_ALLOWED.sub("_", name), value


def _numbers(figures: Mapping[str, Any], name: str) -> Iterator[tuple[str, float]]:
    for key, value in _leaves(figures, name):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield key, float(value)


def _reported_file(name: str, catalog: DataCatalog) -> Path | None:
    """Return the file that a report or the submission was saved to, None for anything else.

    Versioned figures lie in folders of their own, and are logged as metrics.
    """
    dataset = catalog.get(name)
    metadata = getattr(dataset, "metadata", None) or {}
    layer = metadata.get("kedro-viz", {}).get("layer")
    if name != SUBMISSION and layer != REPORTING_LAYER:
        return None
    path = Path(str(getattr(getattr(dataset, "_dataset", dataset), "_filepath", "")))
    return path if path.is_file() else None
