"""What each member adds to the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from chajong.ensembling.pools.choice import ChosenPool, PoolingProblem
from chajong.ensembling.pools.fitting import fit_pool
from chajong.ensembling.pools.pool import Pool
from chajong.predictions.cross_fitting import CrossFitted
from chajong.predictions.intervals import mean_interval


def member_contributions(
    problem: PoolingProblem, fitted: CrossFitted[ChosenPool], names: Sequence[str]
) -> pd.DataFrame:
    """Leave each member out once, and measure by how much the pool gets worse.

    The method stays the one chosen on all photos; the other members' weights, temperature and
    floor are fitted again. Every other part goes into one half and each half's photos use what
    was fitted on the other half: many members make many fits, and halves make the fewest.

    Args:
        problem: Members and labels.
        fitted: The pool of all members.
        names: The members' names, in their order.

    Returns:
        `member`, `weight` (in the pool fitted on all photos), and `gain` with `low` and `high`:
        by how many nats the member lowers the cross-fitted log loss, with its 95 % interval. A
        single member has no gain.
    """
    chosen = fitted.overall.pool
    columns = ["member", "weight", "gain", "low", "high"]
    if len(names) == 1:
        return pd.DataFrame([(names[0], chosen.weights[0], *[np.nan] * 3)], columns=columns)
    halves = replace(problem, parts=in_halves(problem.parts), _fits={})
    groups = _in_order(halves, problem.groups)
    weights = _in_order(halves, problem.photo_weights)
    pools = {half: halves.fit((chosen.method, True), halves.parts != half) for half in (0, 1)}
    full = _losses(halves, pools)
    rows = []
    for place, name in enumerate(names):
        gains = _losses_without(halves, place, pools) - full
        weighted = gains * weights / weights.mean()
        interval = mean_interval(weighted, groups)
        rows.append((name, chosen.weights[place], float(weighted.mean()), *interval))
    return pd.DataFrame(rows, columns=columns)


def in_halves(parts: np.ndarray) -> np.ndarray:
    """Join parts to two, 0 and 1, int [photos]."""
    places: np.ndarray = np.unique(parts, return_inverse=True)[1]
    return places % 2


def _losses_without(problem: PoolingProblem, place: int, pools: Mapping[int, Pool]) -> np.ndarray:
    others = [member for index, member in enumerate(problem.members) if index != place]
    reduced = replace(problem, members=others, _fits={})
    refitted = {}
    for part, pool in pools.items():
        used = np.flatnonzero((problem.parts != part) & problem.counts)
        kept = tuple(weight for index, weight in enumerate(pool.weights) if index != place)
        start = replace(pool, weights=kept) if sum(kept) else None
        refitted[part] = fit_pool(
            pool.method, others, used, problem.labels[used], problem.photo_weights[used], start
        )
    return _losses(reduced, refitted)


def _losses(problem: PoolingProblem, pools: Mapping[int, Pool]) -> np.ndarray:
    """Return the losses of each part's photos by its pool, part after part."""
    return np.concatenate(
        [problem.losses(pool, problem.parts == part) for part, pool in pools.items()]
    )


def _in_order(problem: PoolingProblem, values: np.ndarray) -> np.ndarray:
    """Return the values of the photos that count, part after part."""
    return np.concatenate(
        [values[(problem.parts == part) & problem.counts] for part in np.unique(problem.parts)]
    )
