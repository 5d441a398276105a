"""Temperature, and how far stated confidence is from accuracy."""

from __future__ import annotations

import numpy as np

COLDEST, HOTTEST = 1e-3, 1e4
"""Temperatures beyond these mean that the labels and the scores do not belong together."""

PRECISION = 1e-5
MAX_STEPS = 60


def fit_temperature(
    scores: np.ndarray, labels: np.ndarray, photo_weights: np.ndarray | None = None
) -> float:
    """Find the temperature T with the lowest log loss of log_softmax(scores / T).

    The log loss is convex in 1 / T, so Newton's method with a bracket finds the one minimum in a
    few passes over the scores. Source: Guo et al., On Calibration of Modern Neural Networks
    (ICML 2017).

    Args:
        scores: Log-probabilities or logits of shape [photos, classes].
        labels: Class index of each photo.
        photo_weights: [photos], positive; None weighs all photos alike.

    Returns:
        The temperature, between 0.001 and 10,000.

    Raises:
        ValueError: There is no photo.
    """
    if len(labels) == 0:
        raise ValueError("A temperature needs at least one photo whose label counts.")
    shifted = scores - scores.max(axis=1, keepdims=True)
    importance = np.ones(len(labels)) if photo_weights is None else photo_weights
    low, high = 1 / HOTTEST, 1 / COLDEST
    inverse = 1.0
    for _ in range(MAX_STEPS):
        slope, curvature = _derivatives(shifted, labels, importance, inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        # Where Newton's step ends, times the curvature: without any, nothing may be divided by it.
        is_within = low * curvature < inverse * curvature - slope < high * curvature
        proposal = inverse - slope / curvature if is_within else float(np.sqrt(low * high))
        if abs(proposal - inverse) <= PRECISION * inverse:
            break
        inverse = proposal
    return 1 / inverse


def _derivatives(
    shifted: np.ndarray, labels: np.ndarray, importance: np.ndarray, inverse: float
) -> tuple[float, float]:
    """First and second derivative of the weighted log loss with respect to 1 / T."""
    probabilities = np.exp(shifted * np.float32(inverse))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    mean = np.einsum("ij,ij->i", probabilities, shifted)
    square = np.einsum("ij,ij,ij->i", probabilities, shifted, shifted)
    given = shifted[np.arange(len(labels)), labels]
    slope = np.average(mean - given, weights=importance)
    return float(slope), float(np.average(square - mean**2, weights=importance))


def expected_calibration_error(
    log_probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """Compare stated confidence with accuracy, bin by bin.

    Source: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian
    Binning (AAAI 2015).

    Args:
        log_probabilities: Of shape [photos, classes].
        labels: Class index of each photo.
        bins: Bins of equal width over the confidence of the most probable class.

    Returns:
        The mean absolute difference between confidence and accuracy, weighted by photos.
    """
    best = log_probabilities.argmax(axis=1)
    confidence = np.exp(log_probabilities[np.arange(len(best)), best].astype(np.float64))
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=confidence - (best == labels), minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
