"""The graph of vlm_finetune."""

from kedro.pipeline import Node, Pipeline

from chajong.datasets import when_enabled
from chajong.pipelines.vlm_finetune import nodes
from chajong.predictions.members import HINTING_MEMBERS

MEMBER = "vlm"
TABLES = ["photos", "photo_store", "classes", "folds"]
PREDICTED = ["predictions", "checkpoint", "metrics"]


def create_pipeline() -> Pipeline:
    """Connect photos and another member's predictions to those of a vision-language model."""
    hinting = {member: f"{member}.predictions" for member in HINTING_MEMBERS}
    template = [
        Node(
            when_enabled(nodes.check_vlm),
            inputs="params:member",
            outputs="model",
            name="check_model",
        ),
        Node(
            when_enabled(nodes.choose_hints),
            inputs={
                **{name: name for name in TABLES},
                "external": "external_members",
                "parameters": "params:member",
                **hinting,
            },
            outputs="hints",
            name="choose_hints",
        ),
        Node(
            when_enabled(nodes.draw_training_photos),
            inputs=["model", "photos", "photo_store", "params:member"],
            outputs="training_photos",
            name="draw_training_photos",
        ),
        Node(
            when_enabled(nodes.write_example_questions),
            inputs=["hints", *TABLES, "params:member"],
            outputs="training_questions",
            name="write_example_questions",
        ),
        Node(
            when_enabled(nodes.train_vlm, outputs=3),
            inputs=["model", "hints", *TABLES, "scratch", "params:member"],
            outputs=["fold_weights", "history", "training"],
            name="train_folds",
        ),
        Node(
            when_enabled(nodes.chart_training),
            inputs=["history", "params:member"],
            outputs="training_chart",
            name="chart_training",
        ),
        Node(
            when_enabled(nodes.predict_vlm, outputs=len(PREDICTED)),
            inputs=["fold_weights", "training", "hints", *TABLES, "params:member"],
            outputs=PREDICTED,
            name="predict",
        ),
        Node(
            when_enabled(nodes.export_vlm),
            inputs=["checkpoint", "metrics", "params:member"],
            outputs="adapters",
            name="export_adapters",
        ),
        Node(
            when_enabled(nodes.push_vlm),
            inputs=["adapters", "params:member"],
            outputs="pushed",
            name="push_adapters",
        ),
    ]
    return Pipeline(
        template,
        namespace=MEMBER,
        inputs={*TABLES, "external_members", *hinting.values()},
        parameters={"params:member": f"params:{MEMBER}"},
    )
