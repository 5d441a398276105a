"""Every member's predictions in; pooled probabilities, a submission and a leaderboard out."""

from chajong.pipelines.ensembling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
