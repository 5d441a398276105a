"""One pool fitted: weights by its method, then the temperature, then the floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chajong.ensembling.pools.pool import Method, Pool, log_normalised
from chajong.ensembling.pools.weights import (
    convex_weights,
    greedy_weights,
    label_log_probabilities,
    log_linear_weights,
)

LARGEST_FLOOR = 0.999
TEMPERATURE_PRECISION = 1e-7
"""In nats; the temperature itself is then found to about a thousandth."""


def fit_pool(
    method: Method,
    members: Sequence[np.ndarray],
    rows: np.ndarray,
    labels: np.ndarray,
    photo_weights: np.ndarray | None = None,
    start: Pool | None = None,
    with_temperature: bool = True,
) -> Pool:
    """Fit a pool for the lowest log loss.

    Temperature and floor follow the weights, since a pool of calibrated members is itself not
    calibrated (Ranjan and Gneiting, Combining probability forecasts, 2010).

    Args:
        method: How members are pooled.
        members: Log-probabilities [all photos, classes], one array a member.
        rows: int [photos], the photos to fit on; leave out those whose label does not count.
        labels: int [photos], their labels.
        photo_weights: [photos], positive, on any scale; None weighs all photos alike.
        start: A pool of as many members to start a log-linear fit from. It moves what is found
            within the precision of the fit: it may know no label that the fit must not know.
        with_temperature: Whether a temperature is fitted too; free weights have their own.

    Raises:
        ValueError: There is no photo.
    """
    if len(rows) == 0:
        raise ValueError("A pool needs at least one photo whose label counts.")
    importance = np.ones(len(rows)) if photo_weights is None else photo_weights
    importance = importance / importance.mean()
    weights = _fit_weights(method, members, rows, labels, importance, start)
    unfinished = Pool(method, tuple(weights.tolist()))
    combined = unfinished.combined(members, rows)
    # The sum of free weights is an inverse temperature, and as good as it can be.
    fitted = with_temperature and (method != "log_linear" or len(members) == 1)
    temperature = _fit_temperature(combined, labels, importance) if fitted else 1.0
    tempered = label_log_probabilities([log_normalised(combined / temperature)], labels)[:, 0]
    floor = fit_floor(tempered, combined.shape[1], importance)
    return Pool(method, unfinished.weights, temperature, floor)


def _fit_weights(
    method: Method,
    members: Sequence[np.ndarray],
    rows: np.ndarray,
    labels: np.ndarray,
    importance: np.ndarray,
    start: Pool | None,
) -> np.ndarray:
    equal = np.full(len(members), 1 / len(members))
    if method == "uniform" or len(members) == 1:
        return equal
    if method == "log_linear":
        first = None if start is None else np.asarray(start.weights)
        return log_linear_weights(members, rows, labels, importance, first)
    photos = [member[rows, labels] for member in members]
    given = np.column_stack(photos).astype(np.float64)
    if method == "best":
        best: np.ndarray = np.eye(len(members))[int(np.argmax(importance @ given))]
        return best
    return (greedy_weights if method == "greedy" else convex_weights)(given, importance)


def _fit_temperature(combined: np.ndarray, labels: np.ndarray, importance: np.ndarray) -> float:
    """Find the inverse of the weight of a logarithmic pool of one."""
    rows = np.arange(len(labels))
    weight = log_linear_weights(
        [combined], rows, labels, importance, precision=TEMPERATURE_PRECISION
    )
    return float(1 / weight[0])


def evidence_floor(photos: int) -> float:
    """Give the share of the uniform distribution that so few photos cannot rule out.

    By the rule of succession (Laplace, Essai philosophique sur les probabilités, 1814), n photos
    that are all named rightly are evidence for errors as rare as 1 in n + 2, not for rarer ones.
    """
    return 1 / (photos + 2)


def fit_floor(given: np.ndarray, class_count: int, photo_weights: np.ndarray) -> float:
    """Find the share of the uniform distribution that lowers the log loss most.

    The log loss is convex in the share, and depends on the label's probability alone.

    Args:
        given: [photos], log-probability of each photo's label.
        class_count: Number of classes.
        photo_weights: [photos].

    Returns:
        The share, from `evidence_floor` to 0.999.
    """
    from scipy.optimize import brentq

    probabilities = np.exp(given.astype(np.float64))
    surplus = probabilities - 1 / class_count
    smallest = evidence_floor(len(given))

    def slope(floor: float) -> float:
        mixed = probabilities - floor * surplus
        return float((photo_weights * surplus / mixed).mean())

    if slope(smallest) >= 0:
        return smallest
    if slope(LARGEST_FLOOR) <= 0:
        return LARGEST_FLOOR
    return float(brentq(slope, smallest, LARGEST_FLOOR, xtol=1e-9))
