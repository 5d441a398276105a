"""New photos in; the most probable names of each, with probabilities, out."""

from chajong.pipelines.inference.pipeline import create_pipeline

__all__ = ["create_pipeline"]
