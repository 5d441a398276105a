"""Features in; an index of known photos, how well it finds, and similar models, out."""

from chajong.pipelines.search.pipeline import create_pipeline

__all__ = ["create_pipeline"]
