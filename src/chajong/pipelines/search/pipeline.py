"""The graph of search."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.search.nodes import (
    choose_features,
    index_photos,
    list_similar_models,
    measure_retrieval,
    summarise_search,
)
from chajong.predictions.members import FROZEN_MEMBERS

TABLES = ["photos", "classes", "folds"]


def create_pipeline() -> Pipeline:
    """Connect the frozen encoders' features to an index of the known photos."""
    of_members = [
        f"{member}.{kind}" for member in FROZEN_MEMBERS for kind in ("features", "checkpoint")
    ]
    return Pipeline(
        [
            Node(
                choose_features,
                inputs={
                    "photos": "photos",
                    "parameters": "params:search",
                    **{name: name for name in of_members},
                },
                outputs="search.features",
                name="choose_features",
            ),
            Node(
                index_photos,
                inputs=["search.features", *TABLES, "photo_store", "params:search"],
                outputs="search.index",
                name="index_photos",
            ),
            Node(
                measure_retrieval,
                inputs=["search.features", *TABLES],
                outputs="search.metrics",
                name="measure_retrieval",
            ),
            Node(
                list_similar_models,
                inputs=["search.features", *TABLES, "params:search"],
                outputs="similar_models",
                name="list_similar_models",
            ),
            Node(
                summarise_search,
                inputs=["search.metrics", "search.index", "params:search"],
                outputs="search.summary",
                name="summarise_search",
            ),
        ]
    )
