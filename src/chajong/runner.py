"""Which steps of a run come when, and which need not come: those whose results are there already.

What soon shows results comes before what is trained.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from chajong.run_log import METRICS, tell
from chajong.unchanged import Unchanged

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline.node import Node
    from pluggy import PluginManager

CHECK, TRAINING = "check_", "train_folds"
"""How the names of steps begin that find a slip before long work, and the tag of the longest."""


class QuickStepsFirst(SequentialRunner):
    """Runs checks first, then what soon shows results; Kedro's own order goes by names.

    Steps that would give again what an earlier run left do not run.
    """

    def __repr__(self) -> str:
        """Say what Kedro-Viz tells a runner by that runs one step after the other."""
        base = SequentialRunner
        return f"<{base.__module__}.{base.__name__} object that is {type(self).__name__}>"

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        ordered = QuickFirst(pipeline.nodes)
        unchanged = Unchanged(ordered, catalog)
        readers = Counter(chain.from_iterable(node.inputs for node in ordered.nodes))
        ran = 0
        for node in ordered.nodes:
            to_run = unchanged.to_run(node)
            for each in to_run:
                Task(each, catalog, self._is_async, hook_manager, run_id).execute()
                unchanged.note(each)
                self._release_datasets(each, catalog, readers, ordered)
            ran += len(to_run)
            if not to_run and not unchanged.in_memory(node):  # else it may be asked to hand on
                self._release_datasets(node, catalog, readers, ordered)
        if resting := len(ordered.nodes) - ran:
            tell(f"{resting} of {len(ordered.nodes)} steps had nothing new to do.")


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
