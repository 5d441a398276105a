"""The graph of tiny_vlm."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.tiny_vlm.nodes import plan_tiny_vlm


def create_pipeline() -> Pipeline:
    """Write the tiny model that the sample's fine-tuning starts from."""
    return Pipeline([Node(plan_tiny_vlm, inputs=None, outputs="tiny_vlm", name="write_tiny_vlm")])
