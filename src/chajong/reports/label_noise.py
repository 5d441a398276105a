"""Which labels are wrong, from probabilities that were made without them.

Two witnesses have not seen a photo's label: the out-of-fold model, and the vote of the photo's
nearest neighbours. Their logarithmic pool q, with weights for both, and the share ε of wrong labels
are fitted together by maximum likelihood, under labels that are right with probability 1 - ε and
otherwise any other class (symmetric noise, as in Angluin and Laird, 1988):

    P(label) = (1 - ε) q(label) + ε (1 - q(label)) / (classes - 1)

Without ε a few wrong labels would flatten q, as a flat q is the cheapest way to survive them. The
score is the posterior probability that the label is wrong. Three numbers are shared by all photos,
so that no photo's own label has a say worth naming.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOISE_BOUNDS = (1e-4, 0.5)
_WEIGHT_BOUNDS = (0.0, 10.0)
_FIRST_NOISE = 0.03


@dataclass(frozen=True, eq=False)
class DoubtfulLabels:
    """What the witnesses say of the labels.

    Attributes:
        probabilities: float64 [photos, classes], of the witnesses' pool.
        wrong: float64 [photos], probability that the label is wrong.
    """

    probabilities: np.ndarray
    wrong: np.ndarray


def doubt_labels(
    log_probabilities: np.ndarray, labels: np.ndarray, neighbour_probabilities: np.ndarray | None
) -> DoubtfulLabels:
    """Say how likely each photo's label is wrong.

    Args:
        log_probabilities: Out of fold, float [photos, classes], two classes or more.
        labels: int [photos], effective class index.
        neighbour_probabilities: Votes of each photo's neighbours, its own group left out, float
            [photos, classes], none zero; None where there are no features.

    Returns:
        The pool, and what it says of the labels.
    """
    witnesses = [log_probabilities.astype(np.float64)]
    if neighbour_probabilities is not None:
        witnesses.append(np.log(neighbour_probabilities.astype(np.float64)))
    weights, noise = fit_noisy_pool(witnesses, labels)
    pooled = np.exp(_pool(witnesses, weights))
    given = np.take_along_axis(pooled, labels[:, None], axis=1)[:, 0]
    return DoubtfulLabels(pooled, _wrong_probability(given, noise, pooled.shape[1]))


def fit_noisy_pool(witnesses: Sequence[np.ndarray], labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the witnesses' weights and the share of wrong labels by maximum likelihood.

    Args:
        witnesses: Log-probabilities of each witness, float64 [photos, classes].
        labels: int [photos].

    Returns:
        A weight a witness, none negative, and the share of wrong labels.
    """
    from scipy.optimize import minimize

    start = np.array([1 / len(witnesses)] * len(witnesses) + [_FIRST_NOISE])
    stacked = np.stack(witnesses)
    bounds = [_WEIGHT_BOUNDS] * len(witnesses) + [_NOISE_BOUNDS]
    found = minimize(
        _negative_log_likelihood, start, (stacked, labels), "L-BFGS-B", jac=True, bounds=bounds
    )
    return found.x[:-1], float(found.x[-1])


def _negative_log_likelihood(
    point: np.ndarray, witnesses: np.ndarray, labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Average over photos, with the gradient by each weight and by the noise."""
    weights, noise = point[:-1], point[-1]
    wrong_classes = witnesses.shape[2] - 1
    rows = np.arange(len(labels))
    pooled = np.exp(_pool(witnesses, weights))
    label = pooled[rows, labels]
    likelihood = (1 - noise) * label + noise * (1 - label) / wrong_classes
    # d label / d weight = label · (witness of the label - the witness's mean under the pool)
    excess = witnesses[:, rows, labels] - np.einsum("wpc,pc->wp", witnesses, pooled)
    by_label = (1 - noise - noise / wrong_classes) / likelihood
    by_noise = ((1 - label) / wrong_classes - label) / likelihood
    gradient = np.append((by_label * label * excess).mean(axis=1), by_noise.mean())
    return -float(np.log(likelihood).mean()), -gradient


def _pool(witnesses: Sequence[np.ndarray] | np.ndarray, weights: np.ndarray) -> np.ndarray:
    from scipy.special import log_softmax

    weighted = sum(weight * part for weight, part in zip(weights, witnesses, strict=True))
    pooled: np.ndarray = log_softmax(weighted, axis=1)
    return pooled


def _wrong_probability(label: np.ndarray, noise: float, class_count: int) -> np.ndarray:
    """Apply Bayes' rule to the label's probability under the pool."""
    wrong = noise * (1 - label) / (class_count - 1)
    posterior: np.ndarray = wrong / ((1 - noise) * label + wrong)
    return posterior
