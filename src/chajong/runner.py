"""In which order the steps of a run come: what soon shows results before what is trained."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from chajong.run_log import METRICS

if TYPE_CHECKING:
    from kedro.pipeline.node import Node

CHECK, TRAINING = "check_", "train_folds"
"""How the names of steps begin that find a slip before long work, and the tag of the longest."""


class QuickStepsFirst(SequentialRunner):
    """Runs checks first, then what soon shows results; Kedro's own order goes by names."""

    def __repr__(self) -> str:
        """Say what Kedro-Viz tells a runner by that runs one step after the other."""
        base = SequentialRunner
        return f"<{base.__module__}.{base.__name__} object that is {type(self).__name__}>"

    def _run(self, pipeline: Pipeline, *given: Any, **named: Any) -> None:
        super()._run(QuickFirst(pipeline.nodes), *given, **named)


class QuickFirst(Pipeline):
    """A pipeline whose steps come in the order that `QuickStepsFirst` runs them in.

    After the checks come the figures of members without a training, all else that needs none, and
    then one trained member after the other.
    """

    @cached_property
    def nodes(self) -> list[Node]:
        """Give the nodes, each after those that it depends on."""
        up_to: dict[Node, set[Node]] = {}
        for node in super().nodes:
            needed = self.node_dependencies[node]
            up_to[node] = {node}.union(*(up_to[each] for each in needed))
        checks = [node for node in up_to if node.short_name.startswith(CHECK)]
        figures = [node for node in up_to if any(name.endswith(METRICS) for name in node.outputs)]
        figures.sort(key=lambda node: (_trainings(up_to[node]), len(up_to[node])))
        untrained = [node for node in up_to if not _trainings(up_to[node])]
        quick = [node for node in figures if node in untrained]
        goals = [*checks, *quick, *untrained, *figures, *up_to]
        return list(dict.fromkeys(node for goal in goals for node in up_to if node in up_to[goal]))


def _trainings(nodes: set[Node]) -> int:
    return sum(TRAINING in node.tags for node in nodes)
