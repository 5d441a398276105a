"""Members pooled into one prediction per photo, then one temperature.

Everything fitted here on out-of-fold rows is cross-fitted: fold k's rows use the temperature of
the other folds. This re-uses one set of out-of-fold predictions and is not a full nested run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chajong.probabilities.calibration import fit_temperature
from chajong.probabilities.cross_fitting import cross_fit
from chajong.probabilities.predictions import (
    Predictions,
    Split,
    align_to_photos,
    normalise_log,
    pool_fold_models,
    train_rows,
)

SMALLEST_SLICE = 30
"""With fewer photos the calibration slice says less about the temperature than the train rows."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """The ensemble of the members that are complete.

    Attributes:
        predictions: One row per photo: the train photos out of fold, each with the temperature of
            the other folds; the calibration and test photos from the mean over fold models, with
            the final temperature.
        members: The pooled members.
        skipped: Why each other member was left out.
        out_of_fold_temperature: The temperature of all out-of-fold rows together, that is of a
            pool of single fold models.
        final_temperature: The temperature of the calibration and test rows, that is of a pool of
            means over fold models.
        temperature_source: What the final temperature was fitted on, in words.
    """

    predictions: Predictions
    members: tuple[str, ...]
    skipped: dict[str, str]
    out_of_fold_temperature: float
    final_temperature: float
    temperature_source: str


def pool_uniform(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the renormalised mean log-probability of the members.

    This is the logarithmic opinion pool (Genest and Zidek, 1986) with equal weights.

    Args:
        members: Log-probabilities [rows, classes] of the same rows, one array a member.
    """
    total = np.zeros(members[0].shape)
    for member in members:
        total += member
    return normalise_log(total / len(members))


def usable_members(
    members: Mapping[str, Predictions],
    folds: pd.DataFrame,
    test_ids: Sequence[str],
    contract: str,
) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Part the members that can be pooled from those that cannot.

    Args:
        members: The predictions of each member.
        folds: One row a readable train photo, with `photo_id` and `fold` (-1: calibration slice).
        test_ids: The readable test photos.
        contract: The hash of the present classes and folds.

    Returns:
        The members made for the present classes and folds that have every row, and for each other
        member the reason.
    """
    wanted = _complete_rows(folds, test_ids)
    reasons = {name: _reason_to_skip(member, wanted, contract) for name, member in members.items()}
    usable = {name: member for name, member in members.items() if not reasons[name]}
    return usable, {name: reason for name, reason in reasons.items() if reason}


def _complete_rows(folds: pd.DataFrame, test_ids: Sequence[str]) -> pd.MultiIndex:
    """Return photo and fold of every row that a complete member has."""
    in_fold = folds["fold"] >= 0
    train = pd.MultiIndex.from_frame(folds.loc[in_fold, ["photo_id", "fold"]])
    seen_by_all = [*folds.loc[~in_fold, "photo_id"], *test_ids]
    every_fold = np.unique(folds.loc[in_fold, "fold"])
    return train.append(pd.MultiIndex.from_product([seen_by_all, every_fold], names=train.names))


def _reason_to_skip(member: Predictions, wanted: pd.MultiIndex, contract: str) -> str:
    if member.contract != contract:
        return "made with other classes or folds: run its pipeline again"
    missing = wanted.difference(pd.MultiIndex.from_frame(member.rows[["photo_id", "fold"]]))
    if len(missing):
        photo, fold = missing[0]
        return f"lacks {len(missing)} of {len(wanted)} rows, such as {photo!r} of fold {fold}"
    return ""


def pool_members(
    members: Mapping[str, Predictions],
    labels: pd.Series[int],
    folds: pd.DataFrame,
    test_ids: Sequence[str],
    contract: str,
) -> Pooled:
    """Pool the complete members with equal weights, then fit the temperature.

    The temperature follows the pooling, since a pool of calibrated members is itself too soft
    (Ranjan and Gneiting, 2010). A mean over fold models is softer again than one model, so that
    the final temperature is fitted on the calibration slice, which none of them trained on; with
    fewer than 30 photos there, it is that of the out-of-fold rows.

    Args:
        members: The predictions of each member.
        labels: The effective class index of each train and calibration photo, by `photo_id`.
        folds: One row a readable train photo, with `photo_id`, `fold` (-1: calibration slice) and
            `label_counts`.
        test_ids: The readable test photos, in the order wanted.
        contract: The hash of the present classes and folds.

    Raises:
        ValueError: If no member is complete.
    """
    usable, skipped = usable_members(members, folds, test_ids, contract)
    if not usable:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ValueError(f"No member can be pooled ({reasons or 'there is none'}): train one.")
    in_fold = folds["fold"] >= 0
    train = _pool_split(usable, "train", folds.loc[in_fold, "photo_id"].tolist())
    calibration = _pool_split(usable, "calibration", folds.loc[~in_fold, "photo_id"].tolist())
    test = _pool_split(usable, "test", test_ids)
    fitted = cross_fit(
        lambda used: _temperature(train.take(used), labels), train.rows["fold"].to_numpy()
    )
    own = fitted.apply(lambda temperature, rows: np.full((rows.sum(), 1), temperature))
    enough = int(calibration.rows["label_counts"].sum()) >= SMALLEST_SLICE
    final = _temperature(calibration, labels) if enough else fitted.overall
    return Pooled(
        predictions=_concatenate(
            [
                _at_temperature(train, own),
                _at_temperature(calibration, final),
                _at_temperature(test, final),
            ]
        ),
        members=tuple(usable),
        skipped=skipped,
        out_of_fold_temperature=fitted.overall,
        final_temperature=final,
        temperature_source=(
            "the calibration slice"
            if enough
            else f"out-of-fold rows, as the calibration slice has fewer than {SMALLEST_SLICE} "
            "photos whose label counts"
        ),
    )


def _pool_split(
    members: Mapping[str, Predictions], split: Split, photo_ids: Sequence[str]
) -> Predictions:
    """Return one row per photo: the mean over fold models (train photos have one) and members."""
    per_photo = [
        align_to_photos(
            train_rows(member) if split == "train" else pool_fold_models(member, split), photo_ids
        )
        for member in members.values()
    ]
    pooled = pool_uniform([member.log_probabilities for member in per_photo])
    return replace(per_photo[0], log_probabilities=pooled)


def _counted(predictions: Predictions, labels: pd.Series[int]) -> tuple[Predictions, np.ndarray]:
    counted = predictions.take(predictions.rows["label_counts"].to_numpy())
    return counted, labels.loc[counted.rows["photo_id"]].to_numpy()


def _temperature(predictions: Predictions, labels: pd.Series[int]) -> float:
    counted, counted_labels = _counted(predictions, labels)
    return fit_temperature(counted.log_probabilities, counted_labels)


def _at_temperature(predictions: Predictions, temperature: float | np.ndarray) -> Predictions:
    scaled = predictions.log_probabilities / temperature
    return replace(predictions, log_probabilities=normalise_log(scaled))


def _concatenate(parts: Sequence[Predictions]) -> Predictions:
    return replace(
        parts[0],
        rows=pd.concat([part.rows for part in parts], ignore_index=True),
        log_probabilities=np.concatenate([part.log_probabilities for part in parts]),
    )
