"""The graph of sample_photos."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.sample_photos.nodes import plan_rendering


def create_pipeline() -> Pipeline:
    """Connect a plan to the dataset that renders and writes it."""
    return Pipeline(
        [
            Node(
                plan_rendering,
                inputs="params:sample_photos",
                outputs="rendered_photos",
                name="plan_rendering",
            )
        ]
    )
