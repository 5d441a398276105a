"""The one rule for what is fitted on predictions: no row uses what was fitted on its own part.

A few parameters (a temperature, mixing weights, a choice) are fitted on out-of-fold rows. Rows of
one part use what was fitted on all other parts; rows that no fold's model trained on (the
calibration slice, the test photos) use what was fitted on all. This uses one set of out-of-fold
predictions twice and is not a full nested run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


def cross_fitting_parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Say which part each out-of-fold row belongs to.

    The parts are the folds. Where a single fold was trained, they are two halves of its groups.
    That is as honest: the fold's model saw neither half, and photos that look the same or show one
    vehicle stay together, so that no half knows the answers of the other.

    Args:
        folds: int [rows], the fold whose model made each row.
        groups: int [rows], the group of each photo, none of which lies in two folds.

    Returns:
        int [rows]. Halves are 0 and 1, do not depend on the order of the rows, and differ by at
        most as many photos as the largest group has.

    Raises:
        ValueError: If a single fold has rows, and all of one group.
    """
    if len(np.unique(folds)) > 1:
        return folds.copy()
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(
            f"{len(groups)} photos of one fold in {len(names)} groups cannot be halved for "
            "cross-fitting: train another fold or add photos."
        )
    half_of = np.empty(len(names), np.int64)
    photos = [0, 0]
    # Neighbours in the order of groups are often of one class and go to different halves.
    for group in np.argsort(-sizes, kind="stable"):
        half_of[group] = half = int(photos[1] < photos[0])
        photos[half] += int(sizes[group])
    return half_of[members]


@dataclass(frozen=True, eq=False)
class CrossFitted(Generic[T]):
    """What `cross_fit` fitted.

    Attributes:
        parts: int [rows], the part of each row.
        by_part: For each part what was fitted on all other parts.
        overall: What was fitted on all rows, for photos that no fold's model trained on.
    """

    parts: np.ndarray
    by_part: dict[int, T]
    overall: T

    def apply(self, predict: Callable[[T, np.ndarray], np.ndarray]) -> np.ndarray:
        """Predict each part's rows with what was fitted on the other parts.

        Args:
            predict: Given what was fitted and which rows are wanted (bool [rows]), returns an
                array with one entry for each of these rows, in their order.

        Returns:
            An array with one entry for each row.
        """
        predicted = [predict(value, self.parts == part) for part, value in self.by_part.items()]
        joined = np.empty((len(self.parts), *predicted[0].shape[1:]), predicted[0].dtype)
        for part, entries in zip(self.by_part, predicted, strict=True):
            joined[self.parts == part] = entries
        return joined


def cross_fit(fit: Callable[[np.ndarray], T], parts: np.ndarray) -> CrossFitted[T]:
    """Fit once without each part, and once on all rows.

    Args:
        fit: Given which rows to use (bool [rows]), returns what it fitted. Leaving out rows whose
            label does not count is its own affair.
        parts: int [rows], as `cross_fitting_parts` gives them.

    Raises:
        ValueError: If there are fewer than two parts.
    """
    present = np.unique(parts)
    if len(present) < 2:
        raise ValueError(
            f"Cross-fitting needs rows of at least two parts, not {len(present)}: use "
            "`cross_fitting_parts`."
        )
    return CrossFitted(
        parts=parts,
        by_part={int(part): fit(parts != part) for part in present},
        overall=fit(np.ones(len(parts), dtype=bool)),
    )
