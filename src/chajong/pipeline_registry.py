"""The project's pipelines, found by folder name."""

import warnings

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

from chajong.configuration import SESSION

ON_DEMAND = frozenset({"inference", "search"})
"""Pipelines that a plain ``kedro run`` leaves out: they are run by name."""


def register_pipelines() -> dict[str, Pipeline]:
    """Register every folder below ``chajong.pipelines``, and their sum as the default.

    Every node has its pipeline's name as a tag, besides those of members.

    Returns:
        Pipelines by name; ``__default__`` holds all but those run on demand.

    Raises:
        ImportError: A pipeline cannot be imported.
    """
    with warnings.catch_warnings(), SESSION.at_hand():
        # Kedro warns of a dot outside a namespace; the ensemble reads `hog.predictions` of one.
        warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")
        found = find_pipelines(raise_errors=True)
    pipelines = {name: Pipeline(pipeline, tags=name) for name, pipeline in found.items()}
    if "__default__" in pipelines:
        pipelines["__default__"] = sum(
            (pipelines[name] for name in sorted(pipelines) if name not in ON_DEMAND),
            Pipeline([]),
        )
    return pipelines
