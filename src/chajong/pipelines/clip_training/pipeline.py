"""The graph of clip_training: CLIP models, trained and zero-shot."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import members_pipeline


def create_pipeline() -> Pipeline:
    """Connect photos and names to the predictions of CLIP models."""
    return members_pipeline(configured_members(), "clip_training")
