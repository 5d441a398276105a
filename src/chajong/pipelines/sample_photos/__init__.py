"""On demand: rendered cars in the challenge's layout, of any number."""

from chajong.pipelines.sample_photos.pipeline import create_pipeline

__all__ = ["create_pipeline"]
