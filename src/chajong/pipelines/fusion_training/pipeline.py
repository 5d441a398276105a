"""The graph of fusion_training: one template, for the plain classifier and the one with names."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from chajong.datasets import when_enabled
from chajong.pipelines.fusion_training import nodes

TABLES = ["photos", "photo_store", "classes", "folds"]
PREDICTED = ["predictions", "checkpoint", "metrics"]


def create_pipeline() -> Pipeline:
    """Connect photos to the predictions of the backbone, and of its fusion with names."""
    backbone = _member(
        "backbone",
        check=nodes.check_backbone,
        check_inputs=["params:member"],
        draw=nodes.draw_backbone_photos,
        train=nodes.train_backbone,
        train_inputs=["model", *TABLES, "scratch", "params:member"],
        chart=nodes.chart_training,
        predict=nodes.predict_backbone,
    )
    fusion = _member(
        "fusion",
        check=nodes.check_fusion,
        check_inputs=["classes", "params:member"],
        draw=nodes.draw_fusion_photos,
        train=nodes.train_fusion,
        train_inputs=["model", "backbone.checkpoint", *TABLES, "scratch", "params:member"],
        chart=nodes.chart_fusion_training,
        predict=nodes.predict_fusion,
    )
    return backbone + fusion


def _member(
    member: str,
    *,
    check: Callable[..., Any],
    check_inputs: list[str],
    draw: Callable[..., Any],
    train: Callable[..., Any],
    train_inputs: list[str],
    chart: Callable[..., Any],
    predict: Callable[..., Any],
) -> Pipeline:
    template = [
        Node(
            when_enabled(check),
            inputs=check_inputs,
            outputs="model",
            name="check_model",
        ),
        Node(
            when_enabled(draw),
            inputs=["model", "photos", "photo_store", "params:member"],
            outputs="training_photos",
            name="draw_training_photos",
        ),
        Node(
            when_enabled(train, outputs=3),
            inputs=train_inputs,
            outputs=["fold_weights", "history", "training"],
            name="train_folds",
        ),
        Node(
            when_enabled(chart),
            inputs=["history", "params:member"],
            outputs="training_chart",
            name="chart_training",
        ),
        Node(
            when_enabled(predict, outputs=len(PREDICTED)),
            inputs=["fold_weights", "training", *TABLES, "params:member"],
            outputs=PREDICTED,
            name="predict",
        ),
    ]
    shared = {name for name in train_inputs if "." in name} | set(TABLES)
    return Pipeline(
        template,
        namespace=member,
        inputs=shared,
        parameters={"params:member": f"params:{member}"},
    )
