"""The graph of fusion_training: trained backbones, plain and fused with names."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import members_pipeline


def create_pipeline() -> Pipeline:
    """Connect photos to the predictions of trained backbones."""
    return members_pipeline(configured_members(), "fusion_training")
