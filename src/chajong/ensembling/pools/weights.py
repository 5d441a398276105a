"""Weights of members by the log loss of their pool, one function a method.

All fits are convex or greedy and have no random part. `photo_weights` weigh photos in every mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chajong.ensembling.pools.pool import in_chunks
from chajong.predictions.calibration import COLDEST, HOTTEST

GREEDY_ROUNDS = 50
EM_STEPS = 2_000
NEWTON_STEPS = 50
PRECISION = 1e-5
"""By how many nats a found log loss may lie above the lowest one."""
MANY_PHOTOS = 4_000
"""From here on an eighth of the photos finds weights that are nearly those of all."""

Derivatives = tuple[float, np.ndarray, np.ndarray]
"""Mean log loss, its slopes [members] and its curvature [members, members]."""


def label_log_probabilities(members: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Return what each member gives each photo's label, float64 [photos, members]."""
    photos = np.arange(len(labels))
    return np.column_stack([member[photos, labels] for member in members]).astype(np.float64)


def greedy_weights(given: np.ndarray, photo_weights: np.ndarray) -> np.ndarray:
    """Select members one by one, with replacement, for the mean of their probabilities.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble Selection from Libraries of Models
    (ICML 2004). The selection starts empty, so that the best member comes first.

    Args:
        given: From `label_log_probabilities`.
        photo_weights: [photos], with mean 1.

    Returns:
        The shares of the selection with the lowest log loss, [members], which sum to 1.
    """
    probabilities, scale = _scaled_probabilities(given)
    chosen = np.zeros(given.shape[1])
    total = np.zeros(len(given))
    best_loss, best = np.inf, chosen
    for size in range(1, GREEDY_ROUNDS + 1):
        candidates = np.log(np.maximum((total[:, None] + probabilities) / size, _SMALLEST))
        losses = -photo_weights @ (candidates + scale) / len(given)
        member = int(np.argmin(losses))
        chosen = chosen + np.eye(len(chosen))[member]
        total += probabilities[:, member]
        if losses[member] < best_loss - PRECISION:
            best_loss, best = float(losses[member]), chosen
    shares: np.ndarray = best / best.sum()
    return shares


def convex_weights(given: np.ndarray, photo_weights: np.ndarray) -> np.ndarray:
    """Find the linear pool with the lowest log loss by expectation maximisation.

    The members are the known components of a mixture, of which only the weights are fitted
    (Dempster, Laird and Rubin, 1977). The largest ratio of a step bounds how far the log loss lies
    above its minimum, so that the search knows when to end.

    Args:
        given: From `label_log_probabilities`.
        photo_weights: [photos], with mean 1.

    Returns:
        Weights [members], which sum to 1.
    """
    probabilities, _ = _scaled_probabilities(given)
    weights = np.full(given.shape[1], 1 / given.shape[1])
    for _ in range(EM_STEPS):
        ratios = (photo_weights / (probabilities @ weights)) @ probabilities / len(given)
        if ratios.max() - 1 < PRECISION:
            break
        weights = weights * ratios
    normalised: np.ndarray = weights / weights.sum()
    return normalised


def _scaled_probabilities(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities divided by each photo's largest, and the logarithm of that [photos, 1].

    Without the division a label that every member finds impossible would be divided by zero.
    """
    scale = given.max(axis=1, keepdims=True)
    return np.exp(given - scale), scale


def log_linear_weights(
    members: Sequence[np.ndarray],
    rows: np.ndarray,
    labels: np.ndarray,
    photo_weights: np.ndarray,
    start: np.ndarray | None = None,
    precision: float = PRECISION,
) -> np.ndarray:
    """Find the logarithmic pool with free non-negative weights that has the lowest log loss.

    The log loss is convex in the weights. Each step of Newton's method solves its quadratic
    problem under the bounds exactly, as non-negative least squares (Lawson and Hanson, Solving
    Least Squares Problems, 1974), and is halved until the loss falls. Many photos start from the
    weights of an eighth of them.

    Args:
        members: Log-probabilities [all photos, classes], one array a member.
        rows: int [photos], the photos to fit on.
        labels: int [photos], their labels.
        photo_weights: [photos], with mean 1.
        start: Weights [members] to start from.
        precision: By how many nats the log loss may lie above the lowest one.

    Returns:
        Weights [members], at most 1,000, one of them positive.
    """
    weights = np.full(len(members), 1 / len(members)) if start is None else start
    every, eighth = slice(None), slice(None, None, 8)
    for sample in [eighth, every] if start is None and len(rows) >= MANY_PHOTOS else [every]:

        def derivatives(at: np.ndarray, sample: slice = sample) -> Derivatives:
            return _derivatives(members, rows[sample], labels[sample], photo_weights[sample], at)

        weights = _minimise(derivatives, weights, precision)
    # Members that know nothing are worth a flat distribution, which is the hottest temperature.
    return weights if weights.any() else np.full(len(members), 1 / HOTTEST / len(members))


def _minimise(
    derivatives: Callable[[np.ndarray], Derivatives], start: np.ndarray, precision: float
) -> np.ndarray:
    """Take Newton's steps until none promises more than `precision`."""
    weights = start
    loss, slopes, curvature = derivatives(weights)
    for _ in range(NEWTON_STEPS):
        step = _bounded_newton(weights, slopes, curvature) - weights
        promised = -slopes @ step
        if promised < precision:
            break
        found = derivatives(weights + step)
        # A tenth of the promise is enough (Armijo's rule).
        while found[0] > loss - 0.1 * promised and promised > precision:
            step, promised = step / 2, promised / 2
            found = derivatives(weights + step)
        weights, (loss, slopes, curvature) = weights + step, found
    return weights


def _bounded_newton(weights: np.ndarray, slopes: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Minimise the quadratic model over non-negative weights."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    # Members that agree everywhere make the curvature singular, and rounding makes it indefinite.
    # The ridge pulls towards the present weights, and so does not move where the search ends.
    lowest = min(float(np.linalg.eigvalsh(curvature)[0]), 0.0)
    ridge = (1e-5 * abs(np.trace(curvature)) - 2 * lowest + 1e-12) * np.eye(len(weights))
    factor = np.linalg.cholesky(curvature + ridge)
    goal = curvature @ weights + ridge @ weights - slopes
    found: np.ndarray = nnls(factor.T, solve_triangular(factor, goal, lower=True))[0]
    return found.clip(max=1 / COLDEST)


def _derivatives(
    members: Sequence[np.ndarray],
    rows: np.ndarray,
    labels: np.ndarray,
    photo_weights: np.ndarray,
    weights: np.ndarray,
) -> Derivatives:
    """Mean log loss, its derivatives [members] and its curvature [members, members]."""
    shares = weights.astype(np.float32)

    def of_chunk(part: slice) -> Derivatives:
        scores = np.stack([member[rows[part]] for member in members])
        importance = photo_weights[part].astype(np.float32)
        return _chunk_derivatives(scores, labels[part], importance, shares)

    losses, slopes, curvatures = zip(*in_chunks(of_chunk, len(rows)), strict=True)
    count = len(rows)
    # Chunks are sums in single precision; their sum is not.
    return (
        sum(losses) / count,
        np.stack(slopes).sum(axis=0, dtype=np.float64) / count,
        np.stack(curvatures).sum(axis=0, dtype=np.float64) / count,
    )


def _chunk_derivatives(
    scores: np.ndarray, labels: np.ndarray, importance: np.ndarray, shares: np.ndarray
) -> Derivatives:
    """Sums over the photos of scores [members, photos, classes]."""
    members, photos, classes = scores.shape
    flat = scores.reshape(members, -1)
    given = scores[:, np.arange(photos), labels]
    mixed = (shares @ flat).reshape(photos, classes)
    mixed -= mixed.max(axis=1, keepdims=True)
    losses = -mixed[np.arange(photos), labels]
    pooled = np.exp(mixed, out=mixed)
    totals = pooled.sum(axis=1, keepdims=True)
    losses += np.log(totals[:, 0])
    pooled *= importance[:, None] / totals
    weighted = scores * pooled
    expected = weighted.sum(axis=2)
    curvature = weighted.reshape(members, -1) @ flat.T - (expected / importance) @ expected.T
    return float(importance @ losses), expected.sum(axis=1) - given @ importance, curvature


_SMALLEST = np.finfo(np.float64).tiny
