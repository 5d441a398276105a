"""Raw photos in; a photo table, a class table, folds, a photo store and an audit out."""

from chajong.pipelines.data_processing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
