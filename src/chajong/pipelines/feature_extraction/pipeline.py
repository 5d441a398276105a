"""The graph of feature_extraction: frozen encoders, and several of them joined."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import members_pipeline


def create_pipeline() -> Pipeline:
    """Connect photos to the predictions of light heads on frozen features."""
    return members_pipeline(configured_members(), "feature_extraction")
