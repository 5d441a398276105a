"""The graph of search."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import gather, node
from chajong.members.configuration import leaving
from chajong.pipelines.search.nodes import (
    choose_features,
    index_photos,
    list_similar_models,
    measure_retrieval,
    summarise_search,
)

TABLES = ["photos", "classes", "folds"]


def create_pipeline() -> Pipeline:
    """Connect the frozen encoders' features to an index of the known photos."""
    featured = leaving(configured_members(), "features")
    return Pipeline(
        [
            gather("features", featured, "search.of_members"),
            gather("checkpoint", featured, "search.checkpoints"),
            node(
                choose_features,
                inputs=["search.of_members", "search.checkpoints", "photos", "params:search"],
                outputs="search.features",
            ),
            node(
                index_photos,
                inputs=["search.features", *TABLES, "photo_store", "params:search"],
                outputs="search.index",
            ),
            node(measure_retrieval, inputs=["search.features", *TABLES], outputs="search.metrics"),
            node(
                list_similar_models,
                inputs=["search.features", *TABLES, "params:search"],
                outputs="similar_models",
            ),
            node(
                summarise_search,
                inputs=["search.metrics", "search.index", "params:search"],
                outputs="search.summary",
            ),
        ]
    )
