"""The graph of vlm_finetune: vision-language models, asked about what others propose."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import members_pipeline


def create_pipeline() -> Pipeline:
    """Connect photos and other members' predictions to those of vision-language models."""
    return members_pipeline(configured_members(), "vlm_finetune")
