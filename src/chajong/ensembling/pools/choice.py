"""Which way of pooling, chosen without the photos that it will be used on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from chajong.ensembling.pools.fitting import fit_pool
from chajong.ensembling.pools.pool import Method, Pool
from chajong.ensembling.pools.weights import PRECISION
from chajong.predictions.cross_fitting import CrossFitted, cross_fit, cross_fitting_parts

Candidate = tuple[Method, bool]
"""A way of pooling, and whether a temperature is fitted after it."""

CANDIDATES: dict[str, Candidate] = {
    "best": ("best", False),
    "uniform": ("uniform", False),
    "greedy": ("greedy", False),
    "convex": ("convex", False),
    "best, tempered": ("best", True),
    "uniform, tempered": ("uniform", True),
    "greedy, tempered": ("greedy", True),
    "convex, tempered": ("convex", True),
    "log_linear": ("log_linear", False),
}
"""What is chosen from, the simplest first."""


@dataclass(frozen=True)
class ChosenPool:
    """The pool with the lowest cross-fitted log loss.

    Attributes:
        pool: The pool, fitted on all photos that the choice was made on.
        losses: The cross-fitted log loss of every candidate.
    """

    pool: Pool
    losses: dict[str, float]


@dataclass(frozen=True, eq=False)
class PoolingProblem:
    """Members and labels of out-of-fold photos.

    Attributes:
        members: Log-probabilities [photos, classes], one array a member.
        labels: int [photos].
        counts: bool [photos], whether a photo may be fitted on.
        groups: int [photos]; photos of one group are never parted.
        parts: int [photos], as `cross_fitting_parts` gives them.
        photo_weights: [photos], positive; ones weigh all photos alike.
    """

    members: Sequence[np.ndarray]
    labels: np.ndarray
    counts: np.ndarray
    groups: np.ndarray
    parts: np.ndarray
    photo_weights: np.ndarray
    _fits: dict[tuple[Candidate, bytes], Pool] = field(default_factory=dict)

    def fit(self, candidate: Candidate, rows: np.ndarray) -> Pool:
        """Fit one candidate on those of some photos (bool [photos]) whose labels count.

        Choices made without different parts ask for the same fits, which are made once.
        """
        key = candidate, np.packbits(rows).tobytes()
        if key not in self._fits:
            used = np.flatnonzero(rows & self.counts)
            method, tempered = candidate
            self._fits[key] = fit_pool(
                method,
                self.members,
                used,
                self.labels[used],
                self.photo_weights[used],
                with_temperature=tempered,
            )
        return self._fits[key]

    def losses(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Return a pool's log loss on those of some photos whose labels count."""
        used = np.flatnonzero(rows & self.counts)
        scored = pool.log_probabilities(self.members, used)
        given: np.ndarray = scored[np.arange(len(used)), self.labels[used]].astype(np.float64)
        return -given


def choose_pool(problem: PoolingProblem, rows: np.ndarray) -> ChosenPool:
    """Choose by cross-fitted log loss on some photos, and fit what was chosen on all of them.

    The best member as it is is among the candidates, and every pool with its temperature and
    without: weights and temperatures have to show on other photos that they help.

    Args:
        problem: Members and labels.
        rows: bool [photos], the photos to choose and fit on.

    Returns:
        The pool; of equal candidates the simplest.

    Raises:
        ValueError: No photo counts, or all are of one group.
    """
    parts = np.full(len(rows), -1)
    parts[rows] = cross_fitting_parts(problem.parts[rows], problem.groups[rows])
    scored = [rows & (parts == part) for part in np.unique(parts[rows])]
    weights = np.concatenate([problem.photo_weights[part & problem.counts] for part in scored])
    losses = {
        name: float(np.average(_out_of_part(problem, candidate, rows, scored), weights=weights))
        for name, candidate in CANDIDATES.items()
    }
    # The first of those that are as good as the best, as far as fits are precise.
    good = min(losses.values()) + PRECISION
    best = next(name for name in CANDIDATES if losses[name] <= good)
    return ChosenPool(problem.fit(CANDIDATES[best], rows), losses)


def _out_of_part(
    problem: PoolingProblem, candidate: Candidate, rows: np.ndarray, scored: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the losses of each part's photos by the fit on all others, part after part."""
    return np.concatenate(
        [problem.losses(problem.fit(candidate, rows & ~part), part) for part in scored]
    )


def cross_fit_pool(problem: PoolingProblem) -> CrossFitted[ChosenPool]:
    """Choose and fit once without each part, and once on all photos.

    Method, weights, temperature and floor of the pool that a part's photos use are all found
    without that part. (The members' own predictions are re-used; see `cross_fitting`.)

    Args:
        problem: Members and labels of photos of at least two parts.
    """
    return cross_fit(lambda rows: choose_pool(problem, rows), problem.parts)
