"""Nodes of ensembling that lay out what people take away: submission, leaderboard, summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.pipelines.ensembling.parameters import EnsemblingParameters

if TYPE_CHECKING:
    import pandas as pd

    from chajong.photos.folder import PhotoFolder
    from chajong.predictions.contract import Predictions

Report = dict[str, Any]


def make_submission(
    predictions: Predictions,
    agreement: Report,
    folder: PhotoFolder,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photos: pd.DataFrame,
) -> pd.DataFrame:
    """Lay out the test photos' probabilities as the challenge wants them, and check them.

    Args:
        predictions: The ensemble's predictions.
        agreement: That the saved ensemble answers as the run did; nothing is handed in before.
        folder: The raw photos, with the submission's IDs and columns.
        classes: The `classes` table.
        folds: The `folds` table, for how frequent each class is.
        photos: The `photos` table.

    Returns:
        The submission, without rows where there are no test photos. A test photo that cannot be
        read has the classes' frequencies.

    Raises:
        SubmissionError: The submission would be refused.
    """
    from chajong.predictions.contract import split_rows
    from chajong.predictions.scoring import class_prior, train_labels
    from chajong.predictions.submission import build_submission, validate_submission

    labels = train_labels(photos, classes)
    counted = labels.loc[folds.loc[folds["label_counts"], "photo_id"]]
    submission = build_submission(
        split_rows(predictions, "test"),
        effective_class_of=dict(zip(classes["name"], classes["effective_class"], strict=True)),
        columns=folder.submission_columns,
        ids=folder.submission_ids,
        prior=class_prior(counted.to_numpy(), len(predictions.class_names)),
    )
    if folder.submission_ids:
        validate_submission(submission, folder.submission_ids, folder.submission_columns)
    return submission


def list_top_k(
    predictions: Predictions, agreement: Report, parameters: EnsemblingParameters
) -> pd.DataFrame:
    """List the most probable names of every test photo, for people and for teammates' prompts.

    Args:
        predictions: The ensemble's predictions.
        agreement: As for `make_submission`.
        parameters: How many names.

    Returns:
        One row a photo and rank.
    """
    from chajong.predictions.contract import split_rows
    from chajong.predictions.submission import top_k_table

    return top_k_table(split_rows(predictions, "test"), parameters.top_k)


def rank_members(
    members: dict[str, Predictions],
    report: Report,
    ensemble: Predictions,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    metrics: dict[str, Report],
) -> pd.DataFrame:
    """Set the members side by side, with the ensemble among them.

    Args:
        members: Predictions by member.
        report: The ensemble's report.
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        metrics: What each member is and cost, by member.

    Returns:
        One row a member, the lowest log loss first.
    """
    from chajong.ensembling.leaderboard import leaderboard
    from chajong.predictions.contract import contract_hash
    from chajong.predictions.scoring import out_of_fold_metrics, photo_losses

    contract = contract_hash(classes, folds, photos)
    rows: dict[str, Report] = {
        "ensemble": {
            **report,
            "approach": "ensemble",
            "status": "the pool of all members",
        }
    }
    losses = {"ensemble": photo_losses(ensemble, photos, classes)}
    for name, predictions in members.items():
        kept, status = metrics.get(name, {}), report["skipped"].get(name, "pooled")
        if predictions.contract == contract:
            losses[name] = photo_losses(predictions, photos, classes)
            figures = {**kept, **out_of_fold_metrics(predictions, photos, classes)}
        else:  # its figures are of other photos, and not to be compared
            figures = {each: kept[each] for each in ("approach",) if each in kept}
        rows[name] = {**figures, "status": status}
    return leaderboard(rows, losses, folds.set_index("photo_id")["group"])


def chart_members(table: pd.DataFrame) -> Any:
    """Draw the leaderboard.

    Args:
        table: From `rank_members`.

    Returns:
        A Plotly figure: log loss and accuracy of every member as bars.
    """
    from chajong.ensembling.leaderboard import leaderboard_chart

    return leaderboard_chart(table)


def summarise(
    report: Report,
    table: pd.DataFrame,
    photos: pd.DataFrame,
    folds_report: Report,
    submission: pd.DataFrame,
    folder: PhotoFolder,
    weights: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> str:
    """Say where the results are, what was scored and what was skipped.

    The submission comes from the disk, so this also shows that it can be read back.

    Args:
        report: The ensemble's report.
        table: The leaderboard.
        photos: The `photos` table.
        folds_report: Whether folds are as hard as new photos.
        submission: The submission as read back.
        folder: The raw photos.
        weights: The weights that members start from.
        parameters: Where the results are, and the reader's language.

    Returns:
        A few lines of plain text.

    Raises:
        SubmissionError: The submission on the disk is not what was checked.
    """
    from chajong.ensembling.leaderboard import OTHERS
    from chajong.ensembling.summary import summary_text
    from chajong.predictions.submission import validate_submission

    if folder.submission_ids:
        validate_submission(submission, folder.submission_ids, folder.submission_columns)
    results = Path(parameters.results_dir)
    return summary_text(
        report,
        table,
        photos,
        folds_report["text"],
        submission,
        folder,
        results,
        parameters.language,
        is_baseline=weights.empty and OTHERS not in set(table["approach"]),
    )
