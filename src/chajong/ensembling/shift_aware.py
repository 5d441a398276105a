"""Fitting the pool for test photos that look different from the train photos.

Where train and test differ, what is fitted on out-of-fold photos can be fitted on photos weighted
to look like the test set (Shimodaira, Improving predictive inference under covariate shift, 2000).
Weights cost precision, so they are used only where they help the weighted figure for certain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from chajong.ensembling.pooling import Pooled
from chajong.predictions.intervals import mean_interval

Fitting = Literal["plain", "test-like"]
Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class ShiftAwarePool:
    """A pool, and how it was decided whether to fit it on test-like photos.

    Attributes:
        pooled: The pool that was taken.
        fitting: How it was fitted.
        figures: For each fitting that was tried, its out-of-fold log loss counted three ways:
            `plain` (every photo alike), `grouped` (every group of near-duplicates or of one
            vehicle alike) and `test-like` (photos weighted to look like the test photos).
        reason: Why this fitting was taken, in words.
    """

    pooled: Pooled
    fitting: Fitting
    figures: dict[Fitting, Figures]
    reason: str


def pool_for_test_photos(
    fit: Callable[[pd.Series[float] | None], Pooled],
    likeness: pd.Series[float],
    groups: pd.Series[int],
    auc: float | None,
    tried_from: float,
) -> ShiftAwarePool:
    """Pool, and pool again for test-like photos where the test photos are told apart.

    Args:
        fit: Pools the members, given weights of photos or None.
        likeness: How much each train photo looks like a test photo, by `photo_id`, mean 1.
        groups: The group of each train photo, by `photo_id`.
        auc: Of a classifier that tells test from train photos, 0.5 where it cannot; None where test
            photos are too few, or may not be looked at.
        tried_from: The AUC from which test-like fitting is tried.

    Returns:
        The plain pool, or the test-like one where the 95 % interval of its gain on test-like
        photos lies above zero.
    """
    plain = fit(None)
    figures: dict[Fitting, Figures] = {"plain": three_figures(plain, likeness, groups)}
    if auc is None or auc < tried_from:
        reason = "how the test photos differ is not known"
        if auc is not None:
            reason = f"train and test photos are hardly told apart (AUC {auc:.2f})"
        return ShiftAwarePool(plain, "plain", figures, reason)
    test_like = fit(likeness)
    figures["test-like"] = three_figures(test_like, likeness, groups)
    low, high = _weighted_gain(plain, test_like, likeness, groups)
    found = f"on test-like photos the gain is {low:+.4f} to {high:+.4f} (AUC {auc:.2f})"
    if low > 0:
        return ShiftAwarePool(test_like, "test-like", figures, found)
    return ShiftAwarePool(plain, "plain", figures, f"{found}, which is not certain")


def three_figures(pooled: Pooled, likeness: pd.Series[float], groups: pd.Series[int]) -> Figures:
    """Count a pool's out-of-fold log loss by photo, by group, and by test-likeness.

    Args:
        pooled: The pool.
        likeness: By `photo_id`.
        groups: By `photo_id`.
    """
    losses = _final_losses(pooled)
    weights = likeness.loc[losses.index].to_numpy()
    return {
        "plain": float(losses.mean()),
        "grouped": float(losses.groupby(groups.loc[losses.index].to_numpy()).mean().mean()),
        "test-like": float(np.average(losses, weights=weights)),
    }


def _weighted_gain(
    plain: Pooled, test_like: Pooled, likeness: pd.Series[float], groups: pd.Series[int]
) -> tuple[float, float]:
    gains = _final_losses(plain) - _final_losses(test_like)
    weights = likeness.loc[gains.index].to_numpy()
    weighted = gains.to_numpy() * weights / weights.mean()
    return mean_interval(weighted, groups.loc[gains.index].to_numpy())


def _final_losses(pooled: Pooled) -> pd.Series[float]:
    """Return each scored photo's loss after the last step."""
    return pooled.step_losses.set_index("photo_id").iloc[:, -1]
