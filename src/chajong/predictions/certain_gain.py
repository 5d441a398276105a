"""The rule for steps after the pool: a step is taken only where its gain is certain.

Whether it is certain is itself cross-fitted, within the rows that a fit was given: each inner part
is scored with what was fitted on the other inner parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from chajong.predictions.cross_fitting import cross_fit
from chajong.predictions.intervals import mean_interval

T = TypeVar("T")

INNER_PARTS = 5


def inner_parts(groups: np.ndarray) -> np.ndarray:
    """Deal groups into parts of nearly as many photos.

    Args:
        groups: int [rows].

    Returns:
        int [rows], the part of each row; five parts, or as many as there are groups.

    Raises:
        ValueError: If there are fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold

    count = min(INNER_PARTS, len(np.unique(groups)))
    if count < 2:
        raise ValueError(f"{len(groups)} photos of one group cannot be dealt into parts.")
    parts = np.empty(len(groups), np.int64)
    for part, (_, held_out) in enumerate(GroupKFold(count).split(groups, groups=groups)):
        parts[held_out] = part
    return parts


def fit_if_certain(
    fit: Callable[[np.ndarray], T],
    gains: Callable[[T, np.ndarray], np.ndarray],
    groups: np.ndarray,
    identity: T,
) -> T:
    """Fit a step on all rows, or leave it out.

    Args:
        fit: Given which rows to use (bool [rows]), returns the step.
        gains: Given a step and which rows are wanted (bool [rows]), returns by how many nats the
            step is better than nothing on each of these rows.
        groups: int [rows]; photos of one group stay together.
        identity: The step that changes nothing.

    Returns:
        The step fitted on all rows, or `identity` where the 95 % interval of the mean inner
        cross-fitted gain is not above zero or there are fewer than two groups.
    """
    if len(np.unique(groups)) < 2:
        return identity
    fitted = cross_fit(fit, inner_parts(groups))
    lowest, _ = mean_interval(fitted.apply(gains), groups)
    return fitted.overall if lowest > 0 else identity


def label_gains(changed: np.ndarray, before: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return by how many nats each photo's label is more probable than before, float64 [photos].

    Args:
        changed: Log-probabilities after a step, [photos, classes].
        before: Log-probabilities before it, [photos, classes].
        labels: int [photos], class indices.
    """
    photos = np.arange(len(labels))
    gains: np.ndarray = changed[photos, labels].astype(np.float64) - before[photos, labels]
    return gains
