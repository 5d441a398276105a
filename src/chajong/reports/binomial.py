"""How sure a share of photos is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def share_interval(
    successes: np.ndarray, photos: np.ndarray, coverage: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bound shares that were counted on independent photos, exactly and from both sides.

    Source: Clopper and Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case
    of the Binomial (Biometrika, 1934).

    Args:
        successes: int [shares], at most `photos`.
        photos: int [shares], positive.
        coverage: How often an interval holds the true share, at least.

    Returns:
        The lower and the upper ends, each [shares].
    """
    tail = (1 - coverage) / 2
    low = 1 - highest_share(photos - successes, photos, tail)
    return low, highest_share(successes, photos, tail)


def highest_share(successes: np.ndarray, photos: np.ndarray, tail: float) -> np.ndarray:
    """Bound shares from above: the upper end of Clopper and Pearson's interval.

    Args:
        successes: int [shares], at most `photos`.
        photos: int [shares], positive.
        tail: How often the true share lies above the bound, at most.
    """
    import numpy as np
    from scipy.stats import beta

    failures = photos - successes
    # A beta distribution needs a positive parameter; with no failure the bound is 1.
    bound: np.ndarray = beta.isf(tail, successes + 1, np.maximum(failures, 1))
    return np.where(failures > 0, bound, 1.0)
