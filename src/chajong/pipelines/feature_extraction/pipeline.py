"""The graph of feature_extraction: one template, once for each encoder."""

from kedro.pipeline import Node, Pipeline

from chajong.datasets import when_enabled
from chajong.pipelines.feature_extraction.nodes import (
    extract,
    fit_concatenation_heads,
    fit_encoder_heads,
    identify_encoder,
    join_features,
)
from chajong.predictions.members import FROZEN_MEMBERS

HEAD_INPUTS = ["features", "extraction", "photos", "classes", "folds", "params:member"]
HEAD_OUTPUTS = ["predictions", "checkpoint", "head_search", "metrics"]


def create_pipeline() -> Pipeline:
    """Connect photos to the predictions of every frozen encoder, and of several joined."""
    members = [_encoder_member(member) for member in FROZEN_MEMBERS]
    return sum(members, _concatenation())


def _encoder_member(member: str) -> Pipeline:
    template = [
        Node(
            when_enabled(identify_encoder),
            inputs=["scratch", "params:member"],
            outputs="encoder",
            name="identify_encoder",
        ),
        Node(
            when_enabled(extract, outputs=2),
            inputs=["photos", "photo_store", "encoder", "scratch", "params:member"],
            outputs=["features", "extraction"],
            name="extract_features",
        ),
        Node(
            when_enabled(fit_encoder_heads, outputs=len(HEAD_OUTPUTS)),
            inputs=HEAD_INPUTS,
            outputs=HEAD_OUTPUTS,
            name="fit_heads",
        ),
    ]
    return Pipeline(
        template,
        namespace=member,
        inputs={"photos", "photo_store", "classes", "folds"},
        parameters={"params:member": f"params:{member}"},
    )


def _concatenation() -> Pipeline:
    features = {member: f"{member}.features" for member in FROZEN_MEMBERS}
    template = [
        Node(
            when_enabled(join_features, outputs=2),
            inputs={"photos": "photos", "parameters": "params:member", **features},
            outputs=["features", "extraction"],
            name="join_features",
        ),
        Node(
            when_enabled(fit_concatenation_heads, outputs=len(HEAD_OUTPUTS)),
            inputs=HEAD_INPUTS,
            outputs=HEAD_OUTPUTS,
            name="fit_heads",
        ),
    ]
    return Pipeline(
        template,
        namespace="concat",
        inputs={"photos", "classes", "folds", *features.values()},
        parameters={"params:member": "params:concat"},
    )
