"""On demand: a small CLIP made, and the trained one made ready to ship."""

from chajong.pipelines.small_clip.pipeline import create_pipeline

__all__ = ["create_pipeline"]
