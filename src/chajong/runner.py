"""In which order the steps of a run come: what is quick before what is trained."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

if TYPE_CHECKING:
    from kedro.pipeline.node import Node

TRAINING = "train_folds"
"""The tag of steps that take longest."""


class QuickStepsFirst(SequentialRunner):
    """Runs all that no training is needed for first, so that a person soon sees results."""

    def _run(self, pipeline: Pipeline, *given: Any, **named: Any) -> None:
        super()._run(QuickFirst(pipeline.nodes), *given, **named)


class QuickFirst(Pipeline):
    """A pipeline whose trainings come as late as they can, and else in Kedro's own order."""

    @cached_property
    def nodes(self) -> list[Node]:  # type: ignore[override]
        """Give the nodes, each after those that it depends on."""
        left, ordered = super().nodes, []
        needed = self.node_dependencies
        while left:
            ready = [node for node in left if needed[node] <= set(ordered)]
            ordered.append(min(ready, key=lambda node: TRAINING in node.tags))
            left.remove(ordered[-1])
        return ordered
