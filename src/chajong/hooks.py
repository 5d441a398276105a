"""What a person sees at the end of a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from chajong.datasets.optional import Skipped

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger("chajong")

SUMMARY = "summary"
"""Ends the name of a dataset that says where the results are and what was scored."""


class RunSummaryHooks:
    """Say once which members were not enabled, and end a run with where its results are."""

    def __init__(self) -> None:
        """Start with no member passed over."""
        self._passed_over: set[str] = set()

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Start every run anew: Kedro keeps one object for all runs of a process."""
        self._passed_over.clear()

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Log the first node that a member passes over."""
        member = node.namespace or node.name
        skipped = any(isinstance(output, Skipped) for output in outputs.values())
        if skipped and member not in self._passed_over:
            self._passed_over.add(member)
            logger.info("%s is not enabled and was passed over.", member)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the summaries that this run wrote, else the files that it wrote."""
        summaries = [name for name in sorted(pipeline.outputs()) if name.endswith(SUMMARY)]
        for summary in summaries:
            print(f"\n{catalog.load(summary)}")
        if summaries:
            return
        written = [
            f"  {name}: {path}"
            for name in sorted(pipeline.outputs())
            if name in catalog and (path := _path_of(catalog[name])) is not None
        ]
        if written:
            print("\n".join(["\nWritten:", *written]))


def _path_of(dataset: Any) -> str | None:
    inner = getattr(dataset, "_dataset", dataset)
    path = getattr(inner, "_filepath", None)
    return None if path is None or not dataset.exists() else str(path)
