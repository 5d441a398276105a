"""Nodes of ensembling: predictions of every member in, one submission out."""

from pathlib import Path
from typing import Any

import pandas as pd

from chajong.datasets.optional import Skipped
from chajong.encoders.features import Features
from chajong.ensembling.refinement import Refined
from chajong.ensembling.shift_aware import ShiftAwarePool
from chajong.inference.classifier import CarClassifier
from chajong.inference.ensemble import Ensemble
from chajong.inference.served import ServedPool
from chajong.members.checkpoint import Checkpoint
from chajong.photos.folder import PhotoFolder
from chajong.photos.store import PhotoStore
from chajong.photos.table import readable_photos
from chajong.pipelines.ensembling.params import EnsemblingParameters
from chajong.predictions.contract import Predictions, contract_hash, split_rows

Report = dict[str, Any]


def check_tables_of_others(external: dict[str, pd.DataFrame]) -> None:
    """See that every table of others can be opened and has a name of its own.

    The node needs no photo, so that a table with a wrong name stops the run before long work
    starts.

    Args:
        external: Probability tables of others, by file name.

    Raises:
        ExternalMemberError: A table has the name of a member, or of another table.
    """
    from chajong.predictions.collection import tables_by_member

    tables_by_member(external)


def collect_members(
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    external: dict[str, pd.DataFrame],
    parameters: EnsemblingParameters,
    **trained: Predictions | None,
) -> dict[str, Predictions]:
    """Gather the predictions that exist: of this project's members and of others' tables.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        external: Probability tables of others, by file name.
        parameters: Which members are left out.
        trained: Each member's predictions, None where there are none.

    Returns:
        Predictions by member.

    Raises:
        ExternalMemberError: A table of others cannot be read as predictions, or has a name that is
            taken.
    """
    from chajong.predictions.collection import collect_predictions

    members = collect_predictions(trained, external, photos, classes, folds)
    return {name: found for name, found in members.items() if name not in parameters.leave_out}


def admit_members(
    collected: dict[str, Predictions],
    checkpoints: dict[str, Checkpoint],
    parameters: EnsemblingParameters,
) -> tuple[dict[str, Predictions], pd.DataFrame]:
    """Check the weights that members start from against the rule for them.

    Args:
        collected: From `collect_members`.
        checkpoints: By member.
        parameters: The rule.

    Returns:
        The members, and what is known of each one's weights.

    Raises:
        WeightsRuleError: Some weights break the rule.
    """
    from chajong.members.cards.weights import check_weights, describe_weights, used_weights

    configurations = {
        name: checkpoints[name].configuration for name in collected if name in checkpoints
    }
    described = describe_weights(used_weights(configurations), parameters.weights_rule)
    check_weights(described, parameters.weights_rule)
    return collected, described


def weigh_photos(
    photos: pd.DataFrame, folds: pd.DataFrame, parameters: EnsemblingParameters
) -> pd.DataFrame:
    """Measure how much each train photo looks like a test photo.

    Args:
        photos: The `photos` table.
        folds: The `folds` table.
        parameters: The seed.

    Returns:
        `photo_id` and `likeness` (mean 1) of the readable train photos.
    """
    from chajong.photos.test_likeness import likeness_to_test

    likeness = likeness_to_test(photos, folds, parameters.seed)
    return likeness.rename("likeness").reset_index()


def pool(
    members: dict[str, Predictions],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    shift: Report,
    test_likeness: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> ShiftAwarePool:
    """Choose and fit the pool of the members.

    Args:
        members: Predictions by member.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        shift: How train and test photos differ; empty where there are too few to say.
        test_likeness: From `weigh_photos`.
        parameters: From which shift on the pool is also fitted on test-like photos.

    Returns:
        The pool, and how it was decided on which photos to fit it.

    Raises:
        ValueError: No member can be pooled.
    """
    from chajong.ensembling.pooling import pool_members
    from chajong.ensembling.shift_aware import pool_for_test_photos
    from chajong.predictions.scoring import train_labels

    labels = train_labels(photos, classes)
    test_ids = readable_photos(photos, "test")["photo_id"].tolist()
    contract = contract_hash(classes, folds, photos)
    return pool_for_test_photos(
        lambda weights: pool_members(members, labels, folds, test_ids, contract, weights),
        likeness=test_likeness.set_index("photo_id")["likeness"],
        groups=folds.set_index("photo_id")["group"],
        auc=shift.get("auc", 0.5),
        tried_from=parameters.test_like_from,
    )


def refine(
    pooled: ShiftAwarePool,
    members: dict[str, Predictions],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    features: dict[str, Features | None],
) -> Refined:
    """Take the pool through the steps after it, each where its gain is certain.

    Args:
        pooled: From `pool`.
        members: Predictions by member, whose losses say which features are the strongest.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        features: Each frozen encoder's features, from `collect_features`.

    Returns:
        The ensemble after its last step.
    """
    from chajong.ensembling.refinement import refine_pool
    from chajong.ensembling.strongest_features import strongest_features
    from chajong.predictions.scoring import photo_losses, train_labels

    losses = {
        name: float(photo_losses(members[name], photos, classes).mean())
        for name in pooled.pooled.members
    }
    return refine_pool(
        pooled.pooled,
        train_labels(photos, classes),
        folds,
        classes,
        strongest_features(features, losses, photos),
    )


def report_ensemble(
    pooled: ShiftAwarePool, refined: Refined, photos: pd.DataFrame, classes: pd.DataFrame
) -> tuple[Predictions, pd.DataFrame, pd.DataFrame, Report]:
    """Part the ensemble into its predictions and what is to be known about it.

    Args:
        pooled: From `pool`.
        refined: From `refine`.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        The predictions; each scored photo's loss after every step; how unlike the known photos
        each unseen photo is, with the share of the prior that the gate mixed in; and a report:
        the out-of-fold figures, what was pooled, fitted, chosen and skipped.
    """
    from chajong.ensembling.ensemble_report import ensemble_report

    report = ensemble_report(pooled, refined, photos, classes)
    return refined.predictions, refined.step_losses, refined.unseen, report


def collect_features(**features: Features | None) -> dict[str, Features | None]:
    """Gather the frozen encoders' features, None where an encoder was never run."""
    return features


def collect_checkpoints(**checkpoints: Checkpoint | None) -> dict[str, Checkpoint]:
    """Gather the members' checkpoints that exist."""
    return {name: found for name, found in checkpoints.items() if found is not None}


def serve(
    pooled: ShiftAwarePool,
    refined: Refined,
    members: dict[str, Predictions],
    checkpoints: dict[str, Checkpoint],
    features: dict[str, Features | None],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    shift: Report,
    test_likeness: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> ServedPool:
    """Take the pool as it is, or pool again those members that can answer about new photos.

    A teammate's table says nothing about a photo that is not in it, nor does a member that takes
    its hints from one.

    Args:
        pooled: From `pool`.
        refined: From `refine`.
        members: Predictions by member.
        checkpoints: By member.
        features: Each frozen encoder's features.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        shift: How train and test photos differ.
        test_likeness: From `weigh_photos`.
        parameters: From which shift on the pool is also fitted on test-like photos.

    Returns:
        The pool that is saved; without members where none has a checkpoint.
    """
    from chajong.inference.member_models import can_answer

    configurations = {name: each.configuration for name, each in checkpoints.items()}
    wanted = pooled.pooled.members
    present = {name: members[name] for name in wanted if can_answer(name, configurations)}
    absent = [name for name in wanted if name not in present]
    if not absent:
        return ServedPool(pooled, refined, ())
    if not present:
        return ServedPool(None, None, tuple(absent))
    again = pool(present, photos, classes, folds, shift, test_likeness, parameters)
    return ServedPool(
        again, refine(again, present, photos, classes, folds, features), tuple(absent)
    )


def save_ensemble(
    served: ServedPool,
    checkpoints: dict[str, Checkpoint],
    features: dict[str, Features | None],
    weights: pd.DataFrame,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photo_store: PhotoStore,
) -> Ensemble | Skipped:
    """Gather all that is needed to answer about new photos.

    Args:
        served: From `serve`.
        checkpoints: By member.
        features: Each frozen encoder's features.
        weights: From `admit_members`, for the model card.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_store: The photos themselves, for how they were kept.

    Returns:
        The ensemble; nothing where no member has a checkpoint.
    """
    from chajong.ensembling.ensemble_report import ensemble_report
    from chajong.inference.ensemble import build_ensemble
    from chajong.members.cards.card import ensemble_card
    from chajong.members.cards.data import summarise_data
    from chajong.photos.preparation import StoreSettings

    if served.pooled is None or served.refined is None:
        return Skipped()
    looked_at = served.refined.features_of
    figures = ensemble_report(served.pooled, served.refined, photos, classes)
    card = ensemble_card(
        figures,
        figures["pool"]["weights"],
        served.left_out,
        summarise_data(photos, classes, folds),
        weights[weights["member"].isin(served.pooled.pooled.members)],
    )
    return build_ensemble(
        served.pooled.pooled,
        served.refined,
        checkpoints,
        (photos, classes, folds),
        StoreSettings(**photo_store.settings),
        None if looked_at is None else features[looked_at],
        card,
        figures,
    )


def compare_saved_ensemble(
    ensemble: CarClassifier | None, served: ServedPool, photos: pd.DataFrame, store: PhotoStore
) -> Report:
    """Load the ensemble from the disk, and see that it answers as this run does.

    Args:
        ensemble: The saved ensemble as read back, None where none was saved.
        served: From `serve`.
        photos: The `photos` table.
        store: The photos themselves.

    Returns:
        `photos`, how many were compared, and `largest_difference` of a probability.

    Raises:
        AgreementError: It answers otherwise.
    """
    from chajong.inference.agreement import compare_with_run

    if ensemble is None or served.refined is None:
        return {"photos": 0, "largest_difference": None}
    return compare_with_run(ensemble, served.refined.predictions, photos, store)


def make_submission(
    predictions: Predictions,
    folder: PhotoFolder,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photos: pd.DataFrame,
) -> pd.DataFrame:
    """Lay out the test photos' probabilities as the challenge wants them, and check them.

    Args:
        predictions: The ensemble's predictions.
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


def list_top_k(predictions: Predictions, parameters: EnsemblingParameters) -> pd.DataFrame:
    """List the most probable names of every test photo, for people and for teammates' prompts.

    Args:
        predictions: The ensemble's predictions.
        parameters: How many names.

    Returns:
        One row a photo and rank.
    """
    from chajong.predictions.submission import top_k_table

    return top_k_table(split_rows(predictions, "test"), parameters.top_k)


def rank_members(
    members: dict[str, Predictions],
    report: Report,
    ensemble: Predictions,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    **metrics: Report | None,
) -> pd.DataFrame:
    """Set the members side by side, with the ensemble among them.

    Args:
        members: Predictions by member.
        report: The ensemble's report.
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        metrics: What each member cost, None where it was never computed.

    Returns:
        One row a member, the lowest log loss first.
    """
    from chajong.ensembling.leaderboard import leaderboard
    from chajong.predictions.scoring import out_of_fold_metrics, photo_losses

    contract = contract_hash(classes, folds, photos)
    rows: dict[str, Report] = {"ensemble": {**report, "status": "the pool of all members"}}
    losses = {"ensemble": photo_losses(ensemble, photos, classes)}
    for name, predictions in members.items():
        figures: Report = {"status": report["skipped"].get(name, "pooled")}
        if predictions.contract == contract:
            figures |= out_of_fold_metrics(predictions, photos, classes)
            losses[name] = photo_losses(predictions, photos, classes)
        rows[name] = {**(metrics.get(name) or {}), **figures}
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
    submission: pd.DataFrame,
    folder: PhotoFolder,
    parameters: EnsemblingParameters,
) -> str:
    """Say where the results are, what was scored and what was skipped.

    The submission comes from the disk, so this also shows that it can be read back.

    Args:
        report: The ensemble's report.
        table: The leaderboard.
        photos: The `photos` table.
        submission: The submission as read back.
        folder: The raw photos.
        parameters: Where the results are.

    Returns:
        A few lines of plain text.

    Raises:
        SubmissionError: The submission on the disk is not what was checked.
    """
    from chajong.ensembling.summary import summary_text
    from chajong.predictions.submission import validate_submission

    if folder.submission_ids:
        validate_submission(submission, folder.submission_ids, folder.submission_columns)
    return summary_text(report, table, photos, submission, Path(parameters.results_dir))
