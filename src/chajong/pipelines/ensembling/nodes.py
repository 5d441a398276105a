"""Nodes of ensembling: predictions of every member in, one submission out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.photos.table import readable_photos
from chajong.pipelines.ensembling.parameters import EnsemblingParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chajong.ensembling.refinement import Refined
    from chajong.ensembling.shift_aware import ShiftAwarePool
    from chajong.members.checkpoint import Checkpoint
    from chajong.predictions.contract import Predictions

Report = dict[str, Any]


def check_names(
    external: dict[str, pd.DataFrame], parameters: EnsemblingParameters, names: Sequence[str]
) -> None:
    """See that every table of others has a name of its own, and that who is left out is there.

    The node needs no photo, so that a wrong name stops the run before long work starts.

    Args:
        external: Probability tables of others, by file name.
        parameters: Which members are left out.
        names: The members of the configuration.

    Raises:
        ExternalMemberError: A table has the name of a member, or of another table.
        MemberError: `leave_out` names nobody.
    """
    from chajong.members.configuration import MemberError
    from chajong.parameters import near_names
    from chajong.predictions.collection import tables_by_member

    known = (*names, *tables_by_member(external, names))
    for name in parameters.leave_out:
        if name not in known:
            near = near_names(name, known)
            message = f"ensembling.leave_out names {name!r}, and there is no such member{near}."
            raise MemberError(message)


def read_tables_of_others(
    external: dict[str, pd.DataFrame],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    names: Sequence[str],
) -> dict[str, Predictions]:
    """Read the tables of others as members; see `predictions.collection`."""
    from chajong.predictions import collection

    return collection.read_tables_of_others(external, names, photos, classes, folds)


def collect_members(
    trained: dict[str, Predictions],
    others: dict[str, Predictions],
    hinted: dict[str, Predictions],
    parameters: EnsemblingParameters,
    names: Sequence[str],
) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Gather the predictions that exist: of this project's members and of others' tables.

    Args:
        trained: Predictions by member.
        others: The same of tables of others.
        hinted: The same of members that may repeat one of these.
        parameters: Which members are left out.
        names: The members of the configuration.

    Returns:
        Predictions by member, and why other members are not among them.
    """
    found = {**trained, **others, **hinted}
    absent = {
        name: f"has not run yet: `kedro run --namespaces {name}`"
        for name in names
        if name not in found
    }
    absent |= dict.fromkeys(parameters.leave_out, "left out by ensembling.leave_out")
    return {name: each for name, each in found.items() if name not in absent}, absent


def admit_members(
    collected: dict[str, Predictions],
    checkpoints: dict[str, Checkpoint],
    parameters: EnsemblingParameters,
) -> tuple[dict[str, Predictions], pd.DataFrame]:
    """See that checkpoints can be served, and check their weights against the rule for them.

    Args:
        collected: From `collect_members`.
        checkpoints: By member.
        parameters: The rule.

    Returns:
        The members, and what is known of each one's weights.

    Raises:
        CheckpointError: An earlier version wrote a checkpoint.
        WeightsRuleError: Some weights break the rule.
    """
    from chajong.members.cards.weights import check_weights, describe_weights, used_weights
    from chajong.members.registry import kind_of

    pooled = {name: checkpoints[name] for name in collected if name in checkpoints}
    for name, checkpoint in pooled.items():
        kind_of(name, checkpoint)
    configurations = {name: checkpoint.configuration for name, checkpoint in pooled.items()}
    described = describe_weights(used_weights(configurations), parameters.weights_rule)
    check_weights(described, parameters.weights_rule)
    return collected, described


def weigh_photos(
    photos: pd.DataFrame, folds: pd.DataFrame, shift: Report, parameters: EnsemblingParameters
) -> pd.DataFrame:
    """Measure how much each train photo looks like a test photo.

    Args:
        photos: The `photos` table.
        folds: The `folds` table.
        shift: How train and test photos differ; empty where that is not known.
        parameters: The seed.

    Returns:
        `photo_id` and `likeness` (mean 1) of the readable train photos: all 1 where it is not known
        how the test photos differ.
    """
    from chajong.photos.test_likeness import likeness_to_test

    seen = photos if shift else photos[photos["split"] == "train"]
    likeness = likeness_to_test(seen, folds, parameters.seed)
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
        shift: How train and test photos differ; empty where that is not known.
        test_likeness: From `weigh_photos`.
        parameters: From which shift on the pool is also fitted on test-like photos.

    Returns:
        The pool, and how it was decided on which photos to fit it.

    Raises:
        ValueError: No member can be pooled.
    """
    from chajong.ensembling.pooling import pool_members
    from chajong.ensembling.shift_aware import pool_for_test_photos
    from chajong.predictions.contract import contract_hash
    from chajong.predictions.scoring import train_labels

    labels = train_labels(photos, classes)
    test_ids = readable_photos(photos, "test")["photo_id"].tolist()
    contract = contract_hash(classes, folds, photos)
    return pool_for_test_photos(
        lambda weights: pool_members(members, labels, folds, test_ids, contract, weights),
        likeness=test_likeness.set_index("photo_id")["likeness"],
        groups=folds.set_index("photo_id")["group"],
        auc=shift.get("auc"),
        tried_from=parameters.test_like_from,
    )


def refine(
    pooled: ShiftAwarePool, photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame
) -> Refined:
    """Take the pool through the step after it, where its gain is certain.

    Args:
        pooled: From `pool`.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        The ensemble after its last step.
    """
    from chajong.ensembling.refinement import refine_pool
    from chajong.predictions.scoring import train_labels

    return refine_pool(pooled.pooled, train_labels(photos, classes), folds, classes)


def report_ensemble(
    pooled: ShiftAwarePool,
    refined: Refined,
    absent: dict[str, str],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> tuple[Predictions, pd.DataFrame, Report]:
    """Part the ensemble into its predictions and what is to be known about it.

    Args:
        pooled: From `pool`.
        refined: From `refine`.
        absent: Why members were not collected.
        photos: The `photos` table.
        classes: The `classes` table.
        parameters: What the run is called.

    Returns:
        The predictions; each scored photo's loss after every step; and a report: the out-of-fold
        figures, what was pooled, fitted, chosen and skipped.
    """
    from chajong.ensembling.ensemble_report import ensemble_report

    report = ensemble_report(pooled, refined, photos, classes)
    report["experiment"] = parameters.experiment
    report["skipped"] |= absent
    return refined.predictions, refined.step_losses, report
