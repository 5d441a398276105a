"""The graph of ensembling."""

from kedro.pipeline import Node, Pipeline

from chajong.configuration import SESSION, configured_members
from chajong.graph import boxed, gather, knowing, node
from chajong.members.configuration import Members
from chajong.pipelines.ensembling.nodes import (
    admit_members,
    check_names,
    collect_members,
    pool,
    read_tables_of_others,
    refine,
    report_ensemble,
    weigh_photos,
)
from chajong.pipelines.ensembling.results import (
    chart_members,
    list_top_k,
    make_submission,
    rank_members,
    summarise,
)
from chajong.pipelines.ensembling.saving import compare_saved_ensemble, save_ensemble, serve

TABLES = ["photos", "classes", "folds"]
PARAMETERS = "params:ensembling"


def create_pipeline() -> Pipeline:
    """Connect the predictions of every member to the submission and the reports."""
    nodes = [*_collecting(configured_members()), *_pooling(), *_saving(), *_reporting()]
    return boxed(nodes, "ensemble")


def _collecting(members: Members) -> list[Node]:
    """Connect the members and the tables of others to what can be pooled."""
    names = tuple(member.name for member in members)
    hinted = tuple(
        member.name
        for member in members
        if any(reference.dataset == "predictions" for reference in member.references.values())
    )
    trained = tuple(name for name in names if name not in hinted)
    return [
        node(
            # A table in the place of a member that is left out would be taken for it.
            knowing(check_names, (*names, *SESSION.left_out)),
            inputs=["external_members", PARAMETERS],
            outputs=None,
        ),
        node(
            knowing(read_tables_of_others, names),
            inputs=["external_members", *TABLES],
            outputs="tables_of_others",
        ),
        gather("predictions", trained, "trained_members"),
        gather("predictions", hinted, "hinted_members"),
        gather("checkpoint", names, "checkpoints"),
        gather("metrics", names, "metrics_of_members"),
        node(
            knowing(collect_members, names),
            inputs=["trained_members", "tables_of_others", "hinted_members", PARAMETERS],
            outputs=["collected_members", "absent_members"],
        ),
        node(
            admit_members,
            inputs=["collected_members", "checkpoints", PARAMETERS],
            outputs=["members", "weights"],
        ),
    ]


def _pooling() -> list[Node]:
    """Connect what can be pooled to the ensemble's predictions."""
    return [
        node(
            weigh_photos, inputs=["photos", "folds", "shift", PARAMETERS], outputs="test_likeness"
        ),
        node(
            pool,
            inputs=["members", *TABLES, "shift", "test_likeness", PARAMETERS],
            outputs="pooled",
            name="pool_members",
        ),
        node(refine, inputs=["pooled", *TABLES], outputs="refined", name="refine_pool"),
        node(
            report_ensemble,
            inputs=["pooled", "refined", "absent_members", "photos", "classes", PARAMETERS],
            outputs=["predictions", "step_losses", "report"],
        ),
    ]


def _saving() -> list[Node]:
    """Connect the pool and the checkpoints to the saved ensemble, read back and compared."""
    return [
        node(
            serve,
            inputs=[
                "pooled",
                "refined",
                "members",
                "checkpoints",
                *TABLES,
                "shift",
                "test_likeness",
                PARAMETERS,
            ],
            outputs="served",
        ),
        node(
            save_ensemble,
            inputs=[
                "served",
                "checkpoints",
                "members",
                "weights",
                *TABLES,
                "photo_store",
                PARAMETERS,
            ],
            outputs="saved",
        ),
        node(compare_saved_ensemble, inputs=["saved", "served"], outputs="agreement"),
    ]


def _reporting() -> list[Node]:
    """Connect the ensemble's predictions to the submission, the leaderboard and the summary."""
    return [
        node(
            make_submission,
            inputs=["predictions", "agreement", "photo_folder", "classes", "folds", "photos"],
            outputs="submission",
        ),
        node(list_top_k, inputs=["predictions", "agreement", PARAMETERS], outputs="top_k"),
        node(
            rank_members,
            inputs=["members", "report", "predictions", *TABLES, "metrics_of_members"],
            outputs="leaderboard",
        ),
        node(chart_members, inputs="leaderboard", outputs="leaderboard_chart"),
        node(
            summarise,
            inputs=[
                "report",
                "leaderboard",
                "photos",
                "folds_report",
                "submission",
                "photo_folder",
                "weights",
                PARAMETERS,
            ],
            outputs="summary",
        ),
    ]
