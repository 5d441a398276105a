"""The graph of ensembling."""

from kedro.pipeline import Node, Pipeline

from chajong.pipelines.ensembling.nodes import (
    admit_members,
    chart_members,
    check_tables_of_others,
    collect_checkpoints,
    collect_features,
    collect_members,
    compare_saved_ensemble,
    list_top_k,
    make_submission,
    pool,
    rank_members,
    refine,
    report_ensemble,
    save_ensemble,
    serve,
    summarise,
    weigh_photos,
)
from chajong.predictions.members import FROZEN_MEMBERS, MEMBERS


def create_pipeline() -> Pipeline:
    """Connect the predictions of every member to the submission and the reports."""
    predictions = {member: f"{member}.predictions" for member in MEMBERS}
    metrics = {member: f"{member}.metrics" for member in MEMBERS}
    return Pipeline(
        [
            Node(
                check_tables_of_others,
                inputs="external_members",
                outputs=None,
                name="check_tables_of_others",
            ),
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
                outputs="collected_members",
                name="collect_members",
            ),
            Node(
                collect_checkpoints,
                inputs={member: f"{member}.checkpoint" for member in MEMBERS},
                outputs="checkpoints",
                name="collect_checkpoints",
            ),
            Node(
                admit_members,
                inputs=["collected_members", "checkpoints", "params:ensembling"],
                outputs=["members", "weights"],
                name="admit_members",
            ),
            Node(
                weigh_photos,
                inputs=["photos", "folds", "params:ensembling"],
                outputs="test_likeness",
                name="weigh_photos",
            ),
            Node(
                pool,
                inputs=[
                    "members",
                    "photos",
                    "classes",
                    "folds",
                    "shift",
                    "test_likeness",
                    "params:ensembling",
                ],
                outputs="pooled",
                name="pool_members",
            ),
            Node(
                collect_features,
                inputs={member: f"{member}.features" for member in FROZEN_MEMBERS},
                outputs="frozen_features",
                name="collect_features",
            ),
            Node(
                refine,
                inputs={
                    "pooled": "pooled",
                    "members": "members",
                    "photos": "photos",
                    "classes": "classes",
                    "folds": "folds",
                    "features": "frozen_features",
                },
                outputs="refined",
                name="refine_pool",
            ),
            Node(
                report_ensemble,
                inputs=["pooled", "refined", "photos", "classes"],
                outputs=[
                    "ensemble.predictions",
                    "ensemble.step_losses",
                    "ensemble.unseen",
                    "ensemble.report",
                ],
                name="report_ensemble",
            ),
            *_saving(),
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
                    "ensemble": "ensemble.predictions",
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


def _saving() -> list[Node]:
    """Connect the pool and the checkpoints to the saved ensemble, read back and compared."""
    return [
        Node(
            serve,
            inputs=[
                "pooled",
                "refined",
                "members",
                "checkpoints",
                "frozen_features",
                "photos",
                "classes",
                "folds",
                "shift",
                "test_likeness",
                "params:ensembling",
            ],
            outputs="served",
            name="serve",
        ),
        Node(
            save_ensemble,
            inputs=[
                "served",
                "checkpoints",
                "frozen_features",
                "weights",
                "photos",
                "classes",
                "folds",
                "photo_store",
            ],
            outputs="ensemble.saved",
            name="save_ensemble",
        ),
        Node(
            compare_saved_ensemble,
            inputs=["ensemble.saved", "served", "photos", "photo_store"],
            outputs="ensemble.agreement",
            name="compare_saved_ensemble",
        ),
    ]
