"""A gate that lets the class prior in where a photo says little about its class.

Some photos show an interior, a key or a document, or carry a wrong label. Nobody can name their
class, and a sure wrong answer is dear. A photo that the pool is unsure about and that looks unlike
the known photos moves towards the prior q:

    p' = (1 - g) p + g q,    g = sigmoid(intercept + slopes · z),    slopes ≥ 0,

where z is how unsure the pool is (the entropy as a share of its largest value, and the probability
not given to the best class) and how unlike the photo is, each in standard deviations. g is the
probability that a photo's label has nothing to do with the pool, given how it looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chajong.predictions.certain_gain import fit_if_certain, label_gains
from chajong.predictions.cross_fitting import CrossFitted, cross_fit

FIRST_INTERCEPT = -6.0
"""Where the search starts: 0.25 % of the prior in every photo."""

WIDEST_INTERCEPT, STEEPEST_SLOPE = 30.0, 10.0
"""Ends of the search; a photo far from all others must not decide by itself."""


@dataclass(frozen=True, eq=False)
class Gate:
    """How far photos are moved towards the prior.

    Attributes:
        intercept: Of the gate; minus infinity for a gate that is closed to every photo.
        slopes: float64 [signs], one a sign of a photo without a class, none negative.
        centre: float64 [signs], the mean of each sign.
        scale: float64 [signs], the standard deviation of each sign.
        log_prior: float64 [classes].
    """

    intercept: float
    slopes: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    log_prior: np.ndarray

    @property
    def closed(self) -> bool:
        """Whether every photo stays as it is."""
        return bool(np.isneginf(self.intercept))

    def strengths(self, log_probabilities: np.ndarray, unlikeness: np.ndarray) -> np.ndarray:
        """Return how far each photo is moved, from 0 (not) to 1 (to the prior), [photos].

        Args:
            log_probabilities: [photos, classes].
            unlikeness: [photos, columns], the columns that the gate was fitted on.
        """
        from scipy.special import expit

        if self.closed:
            return np.zeros(len(log_probabilities))
        strengths: np.ndarray = expit(self._logits(log_probabilities, unlikeness))
        return strengths

    def log_probabilities(
        self, log_probabilities: np.ndarray, unlikeness: np.ndarray
    ) -> np.ndarray:
        """Move photos towards the prior.

        Args:
            log_probabilities: [photos, classes], each row a distribution.
            unlikeness: [photos, columns], the columns that the gate was fitted on.

        Returns:
            float32 [photos, classes].
        """
        if self.closed:
            return log_probabilities.astype(np.float32)
        logits = self._logits(log_probabilities, unlikeness)[:, None]
        return _mixed(log_probabilities, self.log_prior, logits).astype(np.float32)

    def _logits(self, log_probabilities: np.ndarray, unlikeness: np.ndarray) -> np.ndarray:
        signs = (_signs(log_probabilities, unlikeness) - self.centre) / self.scale
        logits: np.ndarray = self.intercept + signs @ self.slopes
        return logits


GATE_CLOSED = Gate(-np.inf, np.empty(0), np.empty(0), np.empty(0), np.empty(0))


def fit_gate(
    log_probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray, unlikeness: np.ndarray
) -> Gate:
    """Find the gate with the lowest log loss, or keep it closed.

    Args:
        log_probabilities: [photos, classes], of photos whose label counts.
        labels: int [photos], class indices.
        groups: int [photos]; photos of one group stay together.
        unlikeness: [photos, columns], higher for photos unlike the known ones; there may be no
            column.

    Returns:
        The gate, or `GATE_CLOSED` where the gain is not certain.
    """

    def fit(rows: np.ndarray) -> Gate:
        return _open_gate(log_probabilities[rows], labels[rows], unlikeness[rows])

    def gains(gate: Gate, rows: np.ndarray) -> np.ndarray:
        before = log_probabilities[rows]
        return label_gains(gate.log_probabilities(before, unlikeness[rows]), before, labels[rows])

    return fit_if_certain(fit, gains, groups, GATE_CLOSED)


def cross_fit_gate(
    log_probabilities: np.ndarray,
    labels: np.ndarray,
    label_counts: np.ndarray,
    groups: np.ndarray,
    parts: np.ndarray,
    unlikeness: np.ndarray,
) -> CrossFitted[Gate]:
    """Fit the gate and its prior without each part, and once on all photos.

    Args:
        log_probabilities: [photos, classes], out of fold.
        labels: int [photos], class indices.
        label_counts: bool [photos], whether a photo may be fitted on.
        groups: int [photos].
        parts: int [photos], as `cross_fitting_parts` gives them.
        unlikeness: [photos, columns], higher for photos unlike the known ones.

    Raises:
        ValueError: If there are fewer than two parts.
    """

    def fit(rows: np.ndarray) -> Gate:
        counted = rows & label_counts
        return fit_gate(
            log_probabilities[counted], labels[counted], groups[counted], unlikeness[counted]
        )

    return cross_fit(fit, parts)


def _signs(log_probabilities: np.ndarray, unlikeness: np.ndarray) -> np.ndarray:
    """Return what may tell a photo without a class, float64 [photos, signs]."""
    probabilities = np.exp(log_probabilities)
    entropy = -np.einsum("ij,ij->i", probabilities, log_probabilities)
    spread = entropy / np.log(log_probabilities.shape[1])
    doubt = 1 - probabilities.max(axis=1)
    return np.column_stack([spread, doubt, unlikeness]).astype(np.float64)


def _mixed(log_probabilities: np.ndarray, log_prior: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return log((1 - g) p + g q) with g = sigmoid(logits)."""
    from scipy.special import log_expit

    mixed: np.ndarray = np.logaddexp(
        log_expit(-logits) + log_probabilities, log_expit(logits) + log_prior
    )
    return mixed


def _open_gate(log_probabilities: np.ndarray, labels: np.ndarray, unlikeness: np.ndarray) -> Gate:
    """Search with L-BFGS-B; only the probability and the prior of each photo's label matter."""
    from scipy.optimize import minimize

    classes = log_probabilities.shape[1]
    # One more photo a class, so that a class without a photo is not impossible.
    log_prior = np.log((np.bincount(labels, minlength=classes) + 1) / (len(labels) + classes))
    signs = _signs(log_probabilities, unlikeness)
    centre, scale = signs.mean(axis=0), signs.std(axis=0)
    scale[scale == 0] = 1.0
    inputs = np.column_stack([np.ones(len(signs)), (signs - centre) / scale])
    given = log_probabilities[np.arange(len(labels)), labels].astype(np.float64)
    found = minimize(
        gate_loss,
        x0=np.array([FIRST_INTERCEPT] + [0.0] * signs.shape[1]),
        args=(inputs, given, log_prior[labels]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-WIDEST_INTERCEPT, WIDEST_INTERCEPT)] + [(0, STEEPEST_SLOPE)] * signs.shape[1],
    )
    return Gate(float(found.x[0]), found.x[1:], centre, scale, log_prior)


def gate_loss(
    weights: np.ndarray, inputs: np.ndarray, given: np.ndarray, log_prior: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the mean log loss of a gate and its slopes.

    Args:
        weights: float64 [1 + signs], the intercept and the slopes.
        inputs: float64 [photos, 1 + signs], 1 and the standardised signs.
        given: float64 [photos], the log-probability of each photo's label.
        log_prior: float64 [photos], the log prior of each photo's label.
    """
    from scipy.special import expit, log_expit

    logits = inputs @ weights
    mixed = _mixed(given, log_prior, logits)
    # How probable it is that the label came from the prior, less how probable it was beforehand.
    surplus = np.exp(log_expit(logits) + log_prior - mixed) - expit(logits)
    return float(-mixed.mean()), -(surplus @ inputs) / len(given)
