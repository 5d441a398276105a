"""Nodes of ensembling that save what answers about new photos, and prove that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.datasets.optional import Skipped
from chajong.inference.served import ServedPool
from chajong.pipelines.ensembling.nodes import pool, refine
from chajong.pipelines.ensembling.parameters import EnsemblingParameters

if TYPE_CHECKING:
    import pandas as pd

    from chajong.ensembling.refinement import Refined
    from chajong.ensembling.shift_aware import ShiftAwarePool
    from chajong.inference.classifier import CarClassifier
    from chajong.inference.ensemble import Ensemble
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions

Report = dict[str, Any]


def serve(
    pooled: ShiftAwarePool,
    refined: Refined,
    members: dict[str, Predictions],
    checkpoints: dict[str, Checkpoint],
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
    return ServedPool(again, refine(again, photos, classes, folds), tuple(absent))


def save_ensemble(
    served: ServedPool,
    checkpoints: dict[str, Checkpoint],
    members: dict[str, Predictions],
    weights: pd.DataFrame,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: EnsemblingParameters,
) -> Ensemble | Skipped:
    """Gather all that is needed to answer about new photos.

    Args:
        served: From `serve`.
        checkpoints: By member.
        members: Predictions by member.
        weights: From `admit_members`, for the model card.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_store: The photos themselves.
        parameters: The language of the model card.

    Returns:
        The ensemble; nothing where no member has a checkpoint.
    """
    from chajong.ensembling.ensemble_report import ensemble_report
    from chajong.inference.ensemble import build_ensemble
    from chajong.members.cards.card import ensemble_card
    from chajong.members.cards.data import summarise_data

    if served.pooled is None or served.refined is None:
        return Skipped()
    figures = ensemble_report(served.pooled, served.refined, photos, classes)
    card = ensemble_card(
        figures,
        figures["pool"]["weights"],
        served.left_out,
        summarise_data(photos, classes, folds),
        weights[weights["member"].isin(served.pooled.pooled.members)],
        parameters.language,
    )
    return build_ensemble(
        served.pooled.pooled,
        served.refined,
        checkpoints,
        members,
        (photos, classes, folds),
        photo_store,
        card,
        figures,
    )


def compare_saved_ensemble(ensemble: CarClassifier | None, served: ServedPool) -> Report:
    """Load the ensemble from the disk, and see that it answers as this run does.

    Args:
        ensemble: The saved ensemble as read back, None where none was ever saved.
        served: From `serve`; without members where this run saved none.

    Returns:
        `photos`, how many were compared, and `largest_difference` of a probability.

    Raises:
        AgreementError: It answers otherwise.
    """
    from chajong.inference.agreement import check_agreement

    if ensemble is None or served.refined is None:
        return {"photos": 0, "largest_difference": None}
    return check_agreement(ensemble)
