"""Members pooled into one prediction per photo: method and weights, a temperature, a floor.

Everything fitted here on out-of-fold rows is cross-fitted: fold k's rows use what was chosen and
fitted on the other folds. This re-uses one set of out-of-fold predictions and is not a full nested
run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from chajong.ensembling.pools.choice import ChosenPool, PoolingProblem
from chajong.ensembling.pools.contributions import member_contributions
from chajong.ensembling.pools.pool import Pool, log_normalised
from chajong.ensembling.pools.presence import (
    AlignedMembers,
    MemberSet,
    SetPool,
    align_members,
    fit_set,
    usable_members,
)
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.certain_gain import fit_if_certain, label_gains
from chajong.predictions.contract import (
    POOLED_FOLD,
    ROW_COLUMNS,
    Predictions,
    Split,
    pool_fold_models,
    train_rows,
)
from chajong.predictions.metric import label_losses
from chajong.slip import SlipError

SMALLEST_SLICE = 30
"""With fewer photos the calibration slice says less about the temperature than the train rows."""

ON_SLICE = "the calibration slice"
NOT_CERTAIN = "out-of-fold rows, as another one is not certain to help"
SLICE_TOO_SMALL = (
    f"out-of-fold rows, as the calibration slice has fewer than {SMALLEST_SLICE} photos whose "
    "label counts"
)
"""What the final temperature can have been fitted on."""

STEPS = ("equal weights", "chosen pool", "temperature", "floor")


class NothingToPoolError(SlipError, ValueError):
    """Members of which none can be pooled; the message says why each cannot."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """The ensemble of the members that can be pooled.

    Attributes:
        predictions: One row per photo: the train photos out of fold, each with the pool of the
            other folds; the calibration and test photos from the mean over fold models, with the
            pool of all train photos and the final temperature.
        members: The pooled members.
        skipped: Why each other member was left out.
        out_of_fold_temperature: The temperature of the pool of all out-of-fold rows together, that
            is of single fold models.
        final_temperature: The temperature of the calibration and test rows, that is of a pool of
            means over fold models. Photos that lack members have their own pool's temperature,
            changed by the same factor.
        temperature_source: What the final temperature was fitted on, in words.
        pool: The pool of all members, chosen and fitted on all train photos that all of them have.
        final_pool: The same with the final temperature, for unseen photos that all members have.
        step_losses: One row per train photo whose label counts, with `photo_id` and the photo's
            cross-fitted log loss after each step: `best member: NAME`, `equal weights`,
            `chosen pool`, `temperature` and `floor`. The best member is the one of the lowest mean
            among the complete ones; where none is complete, it is NaN on photos that it lacks.
        contributions: What each member adds to `pool`, see `member_contributions`.
    """

    predictions: Predictions
    members: tuple[str, ...]
    skipped: dict[str, str]
    out_of_fold_temperature: float
    final_temperature: float
    temperature_source: str
    pool: ChosenPool
    final_pool: Pool
    step_losses: pd.DataFrame
    contributions: pd.DataFrame


def pool_members(
    members: Mapping[str, Predictions],
    labels: pd.Series[int],
    folds: pd.DataFrame,
    test_ids: Sequence[str],
    contract: str,
    photo_weights: pd.Series[float] | None = None,
) -> Pooled:
    """Choose a way of pooling by cross-fitted log loss, and pool every photo with it.

    A member that repeats another has no part (see `usable_members`). A photo that some members lack
    uses a pool of those that it has, fitted on the train photos which all of these have. A mean
    over fold models is softer than one model, so that the final temperature is fitted on the
    calibration slice, which none of them trained on; with fewer than 30 photos there, or where its
    gain is not certain (`certain_gain`), it is that of the out-of-fold rows.

    Args:
        members: The predictions of each member.
        labels: The effective class index of each train and calibration photo, by `photo_id`.
        folds: One row a readable train photo, with `photo_id`, `fold` (-1: calibration slice),
            `label_counts` and `group`.
        test_ids: The readable test photos, in the order wanted.
        contract: The hash of the present photos, classes and folds.
        photo_weights: How much each photo of `folds` weighs in every fit and choice, by
            `photo_id`, positive, on any scale; None weighs all photos alike.

    Raises:
        NothingToPoolError: No member can be pooled.
        ValueError: No member has some photo.
    """
    usable, skipped = usable_members(members, folds, test_ids, contract)
    if not usable:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        message = f"No member can be pooled ({reasons or 'there is none'}): train one."
        raise NothingToPoolError(message)
    names = tuple(usable)
    in_fold = folds["fold"] >= 0
    train = align_members(map(train_rows, usable.values()), list(folds.loc[in_fold, "photo_id"]))
    calibration = _fold_means(usable, "calibration", list(folds.loc[~in_fold, "photo_id"]))
    test = _fold_means(usable, "test", test_ids)
    photos = _problem(train, folds[in_fold], labels, photo_weights)
    on_slice = _problem(calibration, folds[~in_fold], labels, photo_weights)
    every: MemberSet = (True,) * len(names)
    sets = {every}.union(*(part.member_sets() for part in (train, calibration, test)))
    fits = {of: fit_set(train, photos, of) for of in sorted(sets)}
    pools = {of: fit.fitted.overall.pool for of, fit in fits.items()}
    final, source = _final_pools(pools, calibration, on_slice)
    pooled, step_losses = _train_steps(train, photos, fits)
    return Pooled(
        predictions=Predictions(
            rows=_rows(folds, test_ids),
            log_probabilities=np.concatenate(
                [pooled, _pool_all(calibration, final), _pool_all(test, final)]
            ),
            class_names=usable[names[0]].class_names,
            contract=contract,
        ),
        members=names,
        skipped=skipped,
        out_of_fold_temperature=pools[every].temperature,
        final_temperature=final[every].temperature,
        temperature_source=source,
        pool=fits[every].fitted.overall,
        final_pool=final[every],
        step_losses=_loss_table(folds, train, photos, names, step_losses),
        contributions=member_contributions(fits[every].problem, fits[every].fitted, names),
    )


def _fold_means(
    members: Mapping[str, Predictions], split: Split, photo_ids: Sequence[str]
) -> AlignedMembers:
    return align_members((pool_fold_models(each, split) for each in members.values()), photo_ids)


def _problem(
    members: AlignedMembers,
    photos: pd.DataFrame,
    labels: pd.Series[int],
    photo_weights: pd.Series[float] | None,
) -> PoolingProblem:
    """Describe rows of `folds`; a label that does not count need not be known."""
    counts = photos["label_counts"].to_numpy()
    known = np.zeros(len(photos), np.int64)
    known[counts] = labels.loc[photos.loc[counts, "photo_id"]]
    weighed: np.ndarray = np.ones(len(photos))
    if photo_weights is not None:
        weighed = photo_weights.loc[photos["photo_id"]].to_numpy(np.float64)
    return PoolingProblem(
        members=members.log_probabilities,
        labels=known,
        counts=counts,
        groups=photos["group"].to_numpy(),
        parts=photos["fold"].to_numpy(),
        photo_weights=weighed,
    )


def _final_pools(
    pools: Mapping[MemberSet, Pool], calibration: AlignedMembers, on_slice: PoolingProblem
) -> tuple[dict[MemberSet, Pool], str]:
    """Change all temperatures by the factor that fits the slice, where its gain is certain."""
    counts = on_slice.counts
    if counts.sum() < SMALLEST_SLICE:
        return dict(pools), SLICE_TOO_SMALL
    unfloored = {of: replace(pool, floor=0.0) for of, pool in pools.items()}
    tempered = _pool_all(calibration, unfloored)[counts]
    factor = _certain_factor(tempered, on_slice, counts)
    if factor == 1:
        return dict(pools), NOT_CERTAIN
    final = {of: replace(pool, temperature=pool.temperature * factor) for of, pool in pools.items()}
    return final, ON_SLICE


def _certain_factor(tempered: np.ndarray, on_slice: PoolingProblem, counts: np.ndarray) -> float:
    """Fit a temperature on the slice, 1 where it is not certain that it helps other photos."""
    labels, weights = on_slice.labels[counts], on_slice.photo_weights[counts]

    def fit(rows: np.ndarray) -> float:
        return fit_temperature(tempered[rows], labels[rows], weights[rows])

    def gains(factor: float, rows: np.ndarray) -> np.ndarray:
        before = tempered[rows]
        gained = label_gains(log_normalised(before / factor), before, labels[rows])
        weighted: np.ndarray = gained * weights[rows] / weights.mean()
        return weighted

    return fit_if_certain(fit, gains, on_slice.groups[counts], 1.0)


def _pool_all(members: AlignedMembers, pools: Mapping[MemberSet, Pool]) -> np.ndarray:
    """Pool every photo with the pool of the members that it has."""
    pooled = np.empty_like(members.log_probabilities[0])
    every = np.arange(len(pooled))
    for of in members.member_sets():
        rows = members.with_exactly(of, every)
        pooled[rows] = pools[of].log_probabilities(members.take(of, rows))
    return pooled


def _train_steps(
    train: AlignedMembers, photos: PoolingProblem, fits: Mapping[MemberSet, SetPool]
) -> tuple[np.ndarray, np.ndarray]:
    """Pool every train photo without its part, and return its loss after each of `STEPS`."""
    pooled = np.empty_like(train.log_probabilities[0])
    losses = np.empty((len(pooled), len(STEPS)))
    for of, fit in fits.items():
        for part, chosen in fit.fitted.by_part.items():
            rows = train.with_exactly(of, fit.rows[fit.fitted.parts == part])
            members = train.take(of, rows)
            combined = chosen.pool.combined(members)
            pooled[rows] = chosen.pool.finish(combined)
            steps = (
                Pool("uniform", (1 / len(members),) * len(members)).combined(members),
                combined,
                replace(chosen.pool, floor=0.0).finish(combined),
                pooled[rows],
            )
            for place, step in enumerate(steps):
                losses[rows, place] = label_losses(step, photos.labels[rows])
    return pooled, losses


def _loss_table(
    folds: pd.DataFrame,
    train: AlignedMembers,
    photos: PoolingProblem,
    names: Sequence[str],
    step_losses: np.ndarray,
) -> pd.DataFrame:
    alone = np.column_stack([label_losses(each, photos.labels) for each in train.log_probabilities])
    alone = np.where(train.present, alone, np.nan)[photos.counts]
    complete = ~np.isnan(alone).any(axis=0)
    means = np.nanmean(alone, axis=0)
    best = int(np.argmin(np.where(complete, means, np.inf) if complete.any() else means))
    table = pd.DataFrame(step_losses[photos.counts], columns=list(STEPS))
    table.insert(0, f"best member: {names[best]}", alone[:, best])
    photo_ids = folds.loc[folds["fold"] >= 0, "photo_id"].to_numpy()
    table.insert(0, "photo_id", photo_ids[photos.counts])
    return table


def _rows(folds: pd.DataFrame, test_ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of pooled predictions: train photos, the calibration slice, test photos."""
    in_fold = folds["fold"] >= 0
    train = folds[in_fold].assign(split="train")
    calibration = folds[~in_fold].assign(split="calibration", fold=POOLED_FOLD)
    test = pd.DataFrame({"photo_id": pd.Series(list(test_ids), dtype=folds["photo_id"].dtype)})
    test = test.assign(split="test", fold=POOLED_FOLD, label_counts=False)
    parts = [part[list(ROW_COLUMNS)] for part in (train, calibration, test) if len(part)]
    return pd.concat(parts, ignore_index=True)
