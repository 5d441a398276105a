"""Nodes of reporting: what the ensemble said, drawn so that people see what to do next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from chajong.pipelines.reporting.parameters import ReportingParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.reports.scored_photos import ScoredPhotos

    Answers = dict[str, ScoredPhotos]

Report = dict[str, Any]

ENSEMBLE = "ensemble"
CHART = "_chart"
NAMED = 20
"""Unreadable photos that the report names."""

COMPARED = 3
"""Members, the best ones, that a chart shows beside the ensemble."""


def score_answers(
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    external: dict[str, pd.DataFrame],
    ensemble: Predictions,
    members: dict[str, Predictions],
    names: Sequence[str],
) -> Answers:
    """Set the ensemble's and the members' answers beside the labels.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        external: Probability tables of others, by file name.
        ensemble: The ensemble's predictions.
        members: Predictions by member.
        names: The members of the configuration.

    Returns:
        Scored photos by member, the ensemble first and then the best member.

    Raises:
        InputError: The ensemble is of other photos, classes, folds or labels.
    """
    from chajong.inputs import InputError
    from chajong.predictions.collection import read_tables_of_others
    from chajong.predictions.contract import contract_hash
    from chajong.reports.scored_photos import scored_members, scored_photos

    if ensemble.contract != contract_hash(classes, folds, photos):
        message = (
            "The ensemble's predictions were made with other photos, classes, folds or labels than "
            "there are now: run `kedro run`, or `kedro run --pipelines ensembling,reporting` where "
            "the members are of these photos."
        )
        raise InputError(message)
    others = read_tables_of_others(external, names, photos, classes, folds)
    return {
        ENSEMBLE: scored_photos(ensemble, photos, classes),
        **scored_members({**members, **others}, ensemble, photos, classes),
    }


def draw_steps(
    step_losses: pd.DataFrame, folds: pd.DataFrame, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Measure what every step from the best member to the final answer gains.

    Args:
        step_losses: Each scored photo's loss after every step.
        folds: The `folds` table, for the groups.
        parameters: The reader's language.

    Returns:
        One row a step with intervals, and a Plotly figure of them.
    """
    from chajong.reports.steps import gains_per_step, steps_chart

    table = gains_per_step(step_losses, folds.set_index("photo_id")["group"])
    return table, steps_chart(table, parameters.language)


def draw_approaches(
    leaderboard: pd.DataFrame, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Set side by side what each approach costs and how good it is.

    Args:
        leaderboard: One row a member.
        parameters: The reader's language.

    Returns:
        One row a member, the best first, and a Plotly figure of them.
    """
    from chajong.reports.approaches import approach_chart, approach_table

    table = approach_table(leaderboard)
    return table, approach_chart(table, parameters.language)


def draw_reliability(answers: Answers, parameters: ReportingParameters) -> tuple[pd.DataFrame, Any]:
    """Compare stated confidence with accuracy, for the ensemble and the best members.

    Args:
        answers: From `score_answers`.
        parameters: The reader's language.

    Returns:
        One row a member and bin of confidence, and a Plotly figure of them.
    """
    from chajong.reports.reliability import reliability_chart, reliability_table

    table = reliability_table(dict(list(answers.items())[: COMPARED + 1]))
    return table, reliability_chart(table, parameters.language)


def draw_class_losses(
    answers: Answers, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Share the loss out among the classes.

    Args:
        answers: From `score_answers`.
        parameters: The reader's language.

    Returns:
        One row a class, the one that carries most first, and a Plotly figure of the first ones.
    """
    from chajong.reports.class_losses import class_loss_chart, class_loss_table

    table = class_loss_table(answers[ENSEMBLE])
    return table, class_loss_chart(table, parameters.language)


def draw_confusion_matrix(
    answers: Answers, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Count for every class what its photos were answered with.

    Args:
        answers: From `score_answers`.
        parameters: The reader's language.

    Returns:
        One row and one column a class, and a Plotly figure of the classes that are confused most.
    """
    from chajong.reports.confusions import confusion_chart, confusion_table

    return confusion_table(answers[ENSEMBLE]), confusion_chart(
        answers[ENSEMBLE], parameters.language
    )


def list_confused_pairs(answers: Answers) -> pd.DataFrame:
    """List the pairs of classes that are taken for one another most."""
    from chajong.reports.confusions import confused_pairs

    return confused_pairs(answers[ENSEMBLE])


def draw_partial_correctness(
    answers: Answers, classes: pd.DataFrame, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Count how wrong the wrong answers are: another year, generation, model or maker.

    Args:
        answers: From `score_answers`.
        classes: The `classes` table.
        parameters: The reader's language.

    Returns:
        One row a kind of answer, and a Plotly figure of the wrong ones.
    """
    from chajong.reports.partial_correctness import partial_correctness, partial_correctness_chart

    table = partial_correctness(answers[ENSEMBLE], classes)
    return table, partial_correctness_chart(table, parameters.language)


def draw_risk_coverage(
    answers: Answers, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """Draw how often the answers that are kept are wrong when the least sure ones are not.

    Args:
        answers: From `score_answers`.
        parameters: The reader's language.

    Returns:
        One row a share of wrong answers that may be wanted, with the confidence that promises it,
        and a Plotly figure.
    """
    from chajong.reports.risk_coverage import (
        abstention_table,
        area_under_risk_coverage,
        risk_coverage_chart,
        risk_coverage_table,
        suggest_abstention,
    )

    scored = answers[ENSEMBLE]
    chart = risk_coverage_chart(
        risk_coverage_table(scored),
        area_under_risk_coverage(scored),
        suggest_abstention(scored),
        parameters.language,
    )
    return abstention_table(scored), chart


def draw_unknown_photos(
    answers: Answers, ensemble: Predictions, photos: pd.DataFrame, parameters: ReportingParameters
) -> tuple[pd.DataFrame, Any]:
    """List the test photos that look most like none of the known models.

    Args:
        answers: From `score_answers`.
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        parameters: The reader's language.

    Returns:
        One row a photo, and a Plotly figure of how the score is spread.
    """
    from plotly.graph_objects import Figure

    from chajong.predictions.contract import split_rows
    from chajong.reports.none_of_the_known import none_of_the_known, score_chart, unknown_photos

    test = split_rows(ensemble, "test")
    table = unknown_photos(ensemble, photos)
    if table.empty:
        return table, Figure(layout={"title": "There are no test photos"})
    known = none_of_the_known(answers[ENSEMBLE].log_probabilities)
    return table, score_chart(known, none_of_the_known(test.log_probabilities), parameters.language)


def draw_known_cars(
    features: dict[str, Features],
    checkpoints: dict[str, Checkpoint],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: ReportingParameters,
) -> tuple[pd.DataFrame, Any]:
    """Show how well the distance to the nearest known photo refuses cars that are not known.

    Args:
        features: By frozen member.
        checkpoints: Of the same members.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: The reader's language.

    Returns:
        Two rows, known cars and held-back classes, and a Plotly figure of their distances, by the
        features that search takes if it is not told others; none without a frozen member.
    """
    import pandas as pd
    from plotly.graph_objects import Figure

    from chajong.reports.known_cars import COLUMNS, known_car_chart, known_car_table
    from chajong.search.filters import SearchError
    from chajong.search.indexed_features import indexed_features
    from chajong.search.photo_index import known_car_distances

    try:
        chosen = indexed_features(features, checkpoints, photos, None)
    except SearchError:
        return pd.DataFrame(columns=COLUMNS), Figure()
    distances = known_car_distances(chosen.features, photos, classes, folds)
    table = known_car_table(distances)
    return table, known_car_chart(distances, table, parameters.language)


def draw_heat_maps(
    answers: Answers,
    predictions: dict[str, Predictions],
    checkpoints: dict[str, Checkpoint],
    classes: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: ReportingParameters,
) -> pd.DataFrame:
    """Draw where the best member that can say it finds classes in its hardest photos.

    Args:
        answers: From `score_answers`, the best member first.
        predictions: By member, for the folds.
        checkpoints: Of the members that can say where they find a class.
        classes: The `classes` table.
        photo_store: The photos themselves.
        parameters: Whether faces and plates are blurred in what is shown.

    Returns:
        Two rows a photo; none where no member can say.
    """
    import pandas as pd

    from chajong.members.registry import kind_of
    from chajong.reports.heat_maps import COLUMNS, heat_map_table

    member = next((name for name in answers if name in checkpoints), None)
    mapper = member and kind_of(member, checkpoints[member]).heat_mapper()
    if member is None or not mapper:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = predictions[member].rows
    folds = rows[rows["split"] == "train"].set_index("photo_id")["fold"]
    ask = partial(mapper, checkpoints[member], classes, photo_store)
    return heat_map_table(member, answers[member], folds, ask, _shown(photo_store, parameters))


def draw_learning_curves(
    histories: dict[str, pd.DataFrame], parameters: ReportingParameters
) -> Any:
    """Draw how the loss of every trained member fell, as a Plotly figure."""
    from plotly.graph_objects import Figure

    from chajong.reports.learning_curves import learning_curves_chart

    if not histories:
        return Figure(layout={"title": "No member was trained"})
    return learning_curves_chart(histories, parameters.language)


def compare_runs(
    figures_of_runs: dict[str, dict[str, Report]], report: Report
) -> tuple[pd.DataFrame, Any]:
    """Set this run beside the earlier ones.

    Args:
        figures_of_runs: Figures by member and version.
        report: The ensemble's report of this run, which is there before the figures are read.

    Returns:
        One row a member and run, and a Plotly figure of log loss over runs.
    """
    from chajong.reports.run_history import run_history, run_history_chart

    table = run_history(figures_of_runs)
    return table, run_history_chart(table)


def rank_labels(
    ensemble: Predictions,
    leaderboard: pd.DataFrame,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photo_groups: pd.DataFrame,
    car_likeness: dict[str, pd.DataFrame],
    features: dict[str, Features],
) -> pd.DataFrame:
    """Rank the train photos that nobody has reviewed by how doubtful their label is.

    Args:
        ensemble: The ensemble's predictions.
        leaderboard: One row a member; the best one's features are looked at.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_groups: Near-duplicates and conflicts.
        car_likeness: How likely each photo shows a car from outside, by the member that was asked.
        features: By frozen member.

    Returns:
        One row a photo, the most doubtful first.
    """
    from chajong.reports.doubtful_labels import rank_doubtful_labels
    from chajong.reports.strongest_features import strongest_features

    scored = leaderboard.dropna(subset=["log_loss"])
    losses = dict(zip(scored["member"], scored["log_loss"], strict=True))
    strongest = strongest_features(features, losses, photos)
    likeness = next(iter(car_likeness.values()), None)
    return rank_doubtful_labels(
        ensemble,
        photos,
        classes,
        folds,
        photo_groups,
        [] if strongest is None else [strongest],
        None if likeness is None else likeness.set_index("photo_id")["car_likeness"],
    )


def draw_doubtful_labels(
    doubtful: pd.DataFrame,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: ReportingParameters,
) -> str:
    """Draw the most doubtful labels, with the photos nearest to them, as one HTML page.

    Args:
        doubtful: From `rank_labels`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        parameters: Where verdicts are written, and the reader's language.

    Returns:
        A page that needs no other file.
    """
    from chajong.reports.doubtful_labels import doubtful_labels_page

    return doubtful_labels_page(
        doubtful,
        photos,
        _shown(photo_store, parameters),
        parameters.review_file,
        parameters.language,
    )


def draw_report(
    answers: Answers,
    folds: pd.DataFrame,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    report: Report,
    parameters: ReportingParameters,
    **drawn: Any,
) -> str:
    """Draw everything worth showing as one HTML page.

    Args:
        answers: From `score_answers`.
        folds: The `folds` table.
        photos: The `photos` table.
        photo_store: The photos themselves.
        report: The ensemble's report.
        parameters: The reader's language, and whether faces and plates are blurred.
        drawn: Tables, and Plotly figures by the same names with `_chart` behind.

    Returns:
        A page that needs no other file.
    """
    from chajong.reports.report import report_page

    charts = {name: each for name, each in drawn.items() if name.endswith(CHART)}
    return report_page(
        scored=answers[ENSEMBLE],
        members={name: scored for name, scored in answers.items() if name != ENSEMBLE},
        groups=folds.set_index("photo_id")["group"],
        store=_shown(photo_store, parameters),
        tables={name: each for name, each in drawn.items() if name not in charts},
        charts={name.removesuffix(CHART): chart for name, chart in charts.items()},
        shift=report["shift"],
        skipped={**report["skipped"], **_unreadable(photos)},
        language=parameters.language,
    )


def _shown(store: PhotoStore, parameters: ReportingParameters) -> PhotoStore:
    """Give the photos as the pages show them."""
    from chajong.photos.blurred_store import BlurredStore

    return BlurredStore(store.table) if parameters.blur else store


def _unreadable(photos: pd.DataFrame) -> dict[str, str]:
    """Say why photos were left out; the audit has them all."""
    shown = photos[photos["status"] != "ok"].head(NAMED)
    return dict(zip(shown["photo_id"], shown["reason"], strict=True))
