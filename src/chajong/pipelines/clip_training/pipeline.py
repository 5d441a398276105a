"""The graph of clip_training."""

from kedro.pipeline import Node, Pipeline

from chajong.datasets import when_enabled
from chajong.pipelines.clip_training import nodes

TABLES = ["photos", "photo_store", "classes", "folds"]
PREDICTED = ["predictions", "checkpoint", "metrics"]


def create_pipeline() -> Pipeline:
    """Connect photos and names to the predictions of CLIP, trained and zero-shot."""
    return _clip() + _zero_shot()


def _clip() -> Pipeline:
    template = [
        Node(
            when_enabled(nodes.check_clip),
            inputs=["classes", "params:member"],
            outputs="model",
            name="check_model",
        ),
        Node(
            when_enabled(nodes.draw_training_photos),
            inputs=["model", "photos", "photo_store", "params:member"],
            outputs="training_photos",
            name="draw_training_photos",
        ),
        Node(
            when_enabled(nodes.train_clip, outputs=3),
            inputs=["model", *TABLES, "scratch", "params:member"],
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
            when_enabled(nodes.predict_clip, outputs=len(PREDICTED)),
            inputs=["fold_weights", "training", *TABLES, "params:member"],
            outputs=PREDICTED,
            name="predict",
        ),
    ]
    return Pipeline(
        template, namespace="clip", inputs=set(TABLES), parameters={"params:member": "params:clip"}
    )


def _zero_shot() -> Pipeline:
    member = "clip_zero_shot"
    template = [
        Node(
            when_enabled(nodes.check_zero_shot),
            inputs=["classes", "params:member"],
            outputs="model",
            name="check_model",
        ),
        Node(
            when_enabled(nodes.predict_zero_shot, outputs=4),
            inputs=["model", *TABLES, "params:member"],
            outputs=[*PREDICTED, "car_likeness"],
            name="predict",
        ),
    ]
    return Pipeline(
        template,
        namespace=member,
        inputs=set(TABLES),
        parameters={"params:member": f"params:{member}"},
    )
