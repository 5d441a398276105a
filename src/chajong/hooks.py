"""What a run does before its first node, and what a person sees at its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from chajong.datasets.optional import Skipped
from chajong.encoders.encoder import EncoderError
from chajong.encoders.published import fetch_weights

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger("chajong")

PARAMETERS = "params:"

IN_ITS_PLACE = (
    "The answers come from the other members; hog alone, which needs no weights, is a baseline."
)

SUMMARY = "summary"
"""Ends the name of a dataset that says where the results are and what was scored."""


class RunSummaryHooks:
    """Say once which members were not enabled, and end a run with where its results are."""

    def __init__(self) -> None:
        """Start with no member passed over."""
        self._passed_over: set[str] = set()
        self._left_out: dict[str, str] = {}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start every run anew, and leave out members whose weights may be missing and are.

        Kedro keeps one object for all runs of a process.
        """
        self._passed_over.clear()
        self._left_out = leave_out_members_without_weights(pipeline, catalog)
        for member, reason in self._left_out.items():
            logger.warning("%s is left out of this run. %s", member, reason)

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
        for member, reason in self._left_out.items():
            print(f"  left out     {member}: {reason}\n")
        if summaries:
            return
        written = [
            f"  {name}: {path}"
            for name in sorted(pipeline.outputs())
            if name in catalog and (path := _path_of(catalog[name])) is not None
        ]
        if written:
            print("\n".join(["\nWritten:", *written]))


def leave_out_members_without_weights(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Switch off the members that a run can do without and whose weights are not available.

    Weights that are not in the cache yet are fetched here, once for all later runs.

    Args:
        pipeline: What is about to run.
        catalog: Its parameters; those of a member that is left out are replaced.

    Returns:
        What is left out, by member, and why.
    """
    left_out = {}
    for name in sorted(pipeline.inputs()):
        if not name.startswith(PARAMETERS):
            continue
        parameters: Any = catalog.load(name)
        if getattr(parameters, "required", True) or not parameters.enabled:
            continue
        try:
            fetch_weights(parameters.encoder)
        except EncoderError as error:
            catalog[name].save(parameters.model_copy(update={"enabled": False}))
            left_out[name.removeprefix(PARAMETERS)] = f"{error} {IN_ITS_PLACE}"
    return left_out


def _path_of(dataset: Any) -> str | None:
    inner = getattr(dataset, "_dataset", dataset)
    path = getattr(inner, "_filepath", None)
    return None if path is None or not dataset.exists() else str(path)
