"""How sure a mean over photos is."""

from __future__ import annotations

import numpy as np

RESAMPLES = 1_000
COVERAGE = 0.95
SEED = 0


def mean_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Bootstrap the mean of losses, or of the paired differences of two losses.

    Whole groups are drawn with replacement, because photos of one group agree. Source: Efron and
    Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, the percentile interval.

    Args:
        values: [photos], a loss or a difference on each photo.
        groups: int [photos].

    Returns:
        The ends of the interval that holds 95 % of the resampled means; infinite where there is
        one group, which says nothing about how means vary.

    Raises:
        ValueError: If there is no photo.
    """
    if len(values) == 0:
        raise ValueError("The interval of a mean needs at least one photo whose label counts.")
    _, members = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(members, weights=values), np.bincount(members)
    if len(sums) == 1:
        return -np.inf, np.inf
    generator = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    for resample in range(RESAMPLES):
        drawn = generator.integers(len(sums), size=len(sums))
        means[resample] = sums[drawn].sum() / sizes[drawn].sum()
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
