"""The graph of ensembling."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.ensembling.nodes import (
    chart_members,
    collect_members,
    list_top_k,
    make_submission,
    pool,
    rank_members,
    summarise,
)
from chajong.probabilities.members import MEMBERS


def create_pipeline() -> Pipeline:
    """Connect the predictions of every member to the submission and the reports."""
    predictions = {member: f"{member}.predictions" for member in MEMBERS}
    metrics = {member: f"{member}.metrics" for member in MEMBERS}
    return Pipeline(
        [
            Node(
                collect_members,
                inputs={
                    "photos": "photos",
                    "classes": "classes",
                    "folds": "folds",
                    "external": "external_members",
                    "parameters": "params:ensembling",
                    **predictions,
                },
                outputs="members",
                name="collect_members",
            ),
            Node(
                pool,
                inputs=["members", "photos", "classes", "folds"],
                outputs=["ensemble.predictions", "ensemble.report"],
                name="pool_members",
            ),
            Node(
                make_submission,
                inputs=["ensemble.predictions", "photo_folder", "classes", "folds", "photos"],
                outputs="submission",
                name="make_submission",
            ),
            Node(
                list_top_k,
                inputs=["ensemble.predictions", "params:ensembling"],
                outputs="top_k",
                name="list_top_k",
            ),
            Node(
                rank_members,
                inputs={
                    "members": "members",
                    "report": "ensemble.report",
                    "photos": "photos",
                    "classes": "classes",
                    "folds": "folds",
                    **metrics,
                },
                outputs="leaderboard",
                name="rank_members",
            ),
            Node(
                chart_members,
                inputs="leaderboard",
                outputs="leaderboard_chart",
                name="chart_members",
            ),
            Node(
                summarise,
                inputs=[
                    "ensemble.report",
                    "leaderboard",
                    "photos",
                    "submission",
                    "photo_folder",
                    "params:ensembling",
                ],
                outputs="summary",
                name="summarise",
            ),
        ]
    )
