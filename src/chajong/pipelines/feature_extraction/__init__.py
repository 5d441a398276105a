"""Frozen encoders in, one namespace each; predictions of light heads out."""

from chajong.pipelines.feature_extraction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
