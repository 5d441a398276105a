"""The graph of small_clip: its two ends, before and after clip_training."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.small_clip.nodes import plan_shipment, plan_start


def create_pipeline() -> Pipeline:
    """Connect sizes to a new model, and a checkpoint to the model that is shipped."""
    return Pipeline(
        [
            Node(
                plan_start,
                inputs="params:small_clip",
                outputs="small_clip_start",
                name="start_small_clip",
            ),
            Node(
                plan_shipment,
                inputs=["clip.checkpoint", "small_clip_start"],
                outputs="small_clip",
                name="ship_small_clip",
            ),
        ]
    )
