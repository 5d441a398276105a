"""A few kinds of evidence about the same photos, mixed with weights that fit the labels.

The mixture is log-linear: log p = log_softmax(Σ w_i s_i). It is the logarithmic opinion pool of
Genest and Zidek (Combining Probability Distributions, Statistical Science 1986), with weights that
need not sum to 1, so that their sum takes the place of a temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chajong.predictions.calibration import COLDEST, HOTTEST
from chajong.predictions.contract import normalise_log

PHOTOS_AT_ONCE = 256
"""Photos computed with in float64 at a time: few enough to stay in the processor's cache."""

PRECISION = 1e-6
"""Slope of the loss, in nats per typical score, at which the weights count as found."""


@dataclass(frozen=True)
class Mixture:
    """Weights of a few kinds of evidence.

    Attributes:
        weights: One a kind of evidence, none negative.

    Raises:
        ValueError: If a weight is negative or not finite, or none is positive.
    """

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        usable = np.isfinite(self.weights).all() and min(self.weights, default=0.0) >= 0
        if not usable or sum(self.weights) == 0:
            raise ValueError(
                f"The weights {self.weights} cannot mix evidence: none may be negative and one "
                "must be positive."
            )

    @property
    def temperature(self) -> float:
        """T in log_softmax(Σ w_i s_i / T) with weights w that sum to 1, which is the mixture."""
        return 1 / sum(self.weights)

    def log_probabilities(self, scores: Sequence[np.ndarray]) -> np.ndarray:
        """Mix the evidence about some photos.

        Args:
            scores: One array [photos, classes] a kind of evidence, in the order of the weights.

        Returns:
            float32 [photos, classes].

        Raises:
            ValueError: If the kinds of evidence are not as many as the weights.
        """
        if len(scores) != len(self.weights):
            raise ValueError(
                f"{len(scores)} kinds of evidence do not fit {len(self.weights)} weights: give "
                "those that the mixture was fitted on."
            )
        total = np.zeros(scores[0].shape)
        for weight, score in zip(self.weights, scores, strict=True):
            total += weight * score
        return normalise_log(total)


def fit_mixture(scores: Sequence[np.ndarray], labels: np.ndarray) -> Mixture:
    """Find the weights with the lowest log loss.

    The log loss is convex in the weights; L-BFGS-B (Byrd, Lu, Nocedal and Zhu, A Limited Memory
    Algorithm for Bound Constrained Optimization, 1995) finds the minimum. Evidence that says
    nothing gets the smallest weight.

    Args:
        scores: One array [photos, classes] a kind of evidence, on any scale.
        labels: Class index of each photo; leave out photos whose label does not count.

    Returns:
        The mixture, each weight between 0.0001 and 1,000, which are the inverses of the hottest
        and the coldest temperature.

    Raises:
        ValueError: If there is no photo, or a score is not finite.
    """
    from scipy.optimize import minimize

    if len(labels) == 0:
        raise ValueError("A mixture needs at least one photo whose label counts.")
    # One step of the search should change all kinds of evidence alike, cosines and logarithms.
    units = np.array(
        [_spread(score, f"{i + 1} of {len(scores)}") for i, score in enumerate(scores)]
    )
    units = np.maximum(units, COLDEST)

    def scaled_loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slopes = _loss_and_slopes(scaled / units, scores, labels)
        return loss, slopes / units

    found = minimize(
        scaled_loss,
        x0=units / HOTTEST,
        jac=True,
        method="L-BFGS-B",
        bounds=[(unit / HOTTEST, unit / COLDEST) for unit in units],
        options={"ftol": 0.0, "gtol": PRECISION},
    )
    return Mixture(tuple((found.x / units).tolist()))


def _spread(score: np.ndarray, place: str) -> float:
    """Root of the mean variance of a photo's scores.

    Raises:
        ValueError: If a score is not finite.
    """
    variance = 0.0
    for start in range(0, len(score), PHOTOS_AT_ONCE):
        rows = score[start : start + PHOTOS_AT_ONCE]
        variance += float(rows.var(axis=1, dtype=np.float64).sum()) / len(score)
    if not np.isfinite(variance):
        raise ValueError(f"Evidence {place} has a score that is not finite: it cannot be mixed.")
    return float(np.sqrt(variance))


def _loss_and_slopes(
    weights: np.ndarray, scores: Sequence[np.ndarray], labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean log loss and its derivative with respect to each weight."""
    loss, slopes = 0.0, np.zeros(len(weights))
    for start in range(0, len(labels), PHOTOS_AT_ONCE):
        evidence = [score[start : start + PHOTOS_AT_ONCE] for score in scores]
        given = labels[start : start + PHOTOS_AT_ONCE]
        photos = np.arange(len(given))
        mixed = np.zeros(evidence[0].shape)
        for weight, score in zip(weights, evidence, strict=True):
            mixed += weight * score
        mixed -= mixed.max(axis=1, keepdims=True)
        loss -= float(mixed[photos, given].sum())
        surplus = np.exp(mixed, out=mixed)
        totals = surplus.sum(axis=1, keepdims=True)
        loss += float(np.log(totals).sum())
        # What the mixture gives a class more than the label does.
        surplus /= totals
        surplus[photos, given] -= 1
        slopes += [np.vdot(surplus, score) for score in evidence]
    return loss / len(labels), slopes / len(labels)
