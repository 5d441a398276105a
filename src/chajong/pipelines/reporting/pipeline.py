"""The graph of reporting."""

from kedro.pipeline import Pipeline

from chajong.configuration import configured_members
from chajong.graph import boxed, gather, knowing, node
from chajong.members.configuration import leaving
from chajong.pipelines.reporting.nodes import (
    compare_runs,
    draw_approaches,
    draw_class_losses,
    draw_confusion_matrix,
    draw_doubtful_labels,
    draw_heat_maps,
    draw_known_cars,
    draw_learning_curves,
    draw_partial_correctness,
    draw_reliability,
    draw_report,
    draw_risk_coverage,
    draw_steps,
    draw_unknown_photos,
    list_confused_pairs,
    rank_labels,
    score_answers,
)

PARAMETERS = "params:reporting"
TABLES = {"photos": "photos", "classes": "classes", "folds": "folds"}
DRAWN = (
    "steps",
    "steps_chart",
    "approaches",
    "approaches_chart",
    "reliability",
    "reliability_chart",
    "class_losses",
    "class_losses_chart",
    "partial_correctness",
    "partial_correctness_chart",
    "confusion_matrix_chart",
    "confused_pairs",
    "abstentions",
    "risk_coverage_chart",
    "unknown_photos",
    "unknown_photos_chart",
    "known_cars",
    "known_cars_chart",
    "learning_curves_chart",
    "heat_maps",
)
"""The tables and charts of the report, as other nodes left them."""


def create_pipeline() -> Pipeline:
    """Connect the ensemble and its members to what people look at."""
    members = configured_members()
    names = tuple(member.name for member in members)
    mapped = tuple(member.name for member in members if member.kind.heat_mapper())
    return boxed(
        [
            gather("history", leaving(members, "history"), "histories"),
            gather("features", leaving(members, "features"), "features_of_members"),
            gather("checkpoint", leaving(members, "features"), "checkpoints_of_frozen_members"),
            gather("checkpoint", mapped, "checkpoints_of_trained_members"),
            gather("car_likeness", leaving(members, "car_likeness"), "car_likeness_of_members"),
            gather("predictions", names, "predictions_of_members"),
            node(
                knowing(score_answers, names),
                inputs=[
                    "photos",
                    "classes",
                    "folds",
                    "external_members",
                    "ensemble.predictions",
                    "predictions_of_members",
                ],
                outputs="answers",
            ),
            node(
                draw_steps,
                inputs=["ensemble.step_losses", "folds", PARAMETERS],
                outputs=["steps", "steps_chart"],
            ),
            node(
                draw_approaches,
                inputs=["ensemble.leaderboard", PARAMETERS],
                outputs=["approaches", "approaches_chart"],
            ),
            node(
                draw_reliability,
                inputs=["answers", PARAMETERS],
                outputs=["reliability", "reliability_chart"],
            ),
            node(
                draw_class_losses,
                inputs=["answers", PARAMETERS],
                outputs=["class_losses", "class_losses_chart"],
            ),
            node(
                draw_confusion_matrix,
                inputs=["answers", PARAMETERS],
                outputs=["confusion_matrix", "confusion_matrix_chart"],
            ),
            node(list_confused_pairs, inputs="answers", outputs="confused_pairs"),
            node(
                draw_partial_correctness,
                inputs=["answers", "classes", PARAMETERS],
                outputs=["partial_correctness", "partial_correctness_chart"],
            ),
            node(
                draw_risk_coverage,
                inputs=["answers", PARAMETERS],
                outputs=["abstentions", "risk_coverage_chart"],
            ),
            node(
                draw_unknown_photos,
                inputs=["answers", "ensemble.predictions", "photos", PARAMETERS],
                outputs=["unknown_photos", "unknown_photos_chart"],
            ),
            node(
                draw_known_cars,
                inputs=[
                    "features_of_members",
                    "checkpoints_of_frozen_members",
                    *TABLES,
                    PARAMETERS,
                ],
                outputs=["known_cars", "known_cars_chart"],
            ),
            node(
                draw_heat_maps,
                inputs=[
                    "answers",
                    "predictions_of_members",
                    "checkpoints_of_trained_members",
                    "classes",
                    "photo_store",
                    PARAMETERS,
                ],
                outputs="heat_maps",
            ),
            node(
                draw_learning_curves,
                inputs=["histories", PARAMETERS],
                outputs="learning_curves_chart",
            ),
            node(
                compare_runs,
                inputs=["figures_of_runs", "ensemble.report"],
                outputs=["run_history", "run_history_chart"],
            ),
            node(
                rank_labels,
                inputs={
                    **TABLES,
                    "ensemble": "ensemble.predictions",
                    "leaderboard": "ensemble.leaderboard",
                    "photo_groups": "photo_groups",
                    "car_likeness": "car_likeness_of_members",
                    "features": "features_of_members",
                },
                outputs="doubtful_labels",
            ),
            node(
                draw_doubtful_labels,
                inputs=["doubtful_labels", "photos", "photo_store", PARAMETERS],
                outputs="doubtful_labels_page",
            ),
            node(
                draw_report,
                inputs={
                    "answers": "answers",
                    "folds": "folds",
                    "photos": "photos",
                    "photo_store": "photo_store",
                    "report": "ensemble.report",
                    "leaderboard": "ensemble.leaderboard",
                    "parameters": PARAMETERS,
                    **{name: name for name in DRAWN},
                },
                outputs="report_page",
            ),
        ],
        "reporting",
        own={"figures_of_runs"},
    )
