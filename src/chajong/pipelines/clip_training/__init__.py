"""A CLIP model trained on photos and names, and one that is only asked; predictions out."""

from chajong.pipelines.clip_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
