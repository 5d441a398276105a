"""The ensemble and its members in; charts, tables and pages for people out."""

from chajong.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
