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

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME_FILE = "same file"
NEAR_DUPLICATE = "near-duplicate"

_CERTAINTY = {SAME_FILE: 0, NEAR_DUPLICATE: 1, "": 2}
_NOISE_BOUNDS = (1e-4, 0.5)
_WEIGHT_BOUNDS = (0.0, 10.0)
_FIRST_NOISE = 0.03


def label_noise_scores(
    log_probabilities: np.ndarray,
    labels: np.ndarray,
    neighbour_probabilities: np.ndarray | None,
    conflicts: np.ndarray,
    near_duplicate_conflicts: np.ndarray,
) -> pd.DataFrame:
    """Score how likely each photo's label is wrong, and rank photos by it.

    Args:
        log_probabilities: Out of fold, float [photos, classes].
        labels: int [photos], effective class index.
        neighbour_probabilities: Votes of each photo's neighbours, its own group left out, float
            [photos, classes], none zero; None where there are no features.
        conflicts: bool [photos], whether the same file carries another label too.
        near_duplicate_conflicts: bool [photos], whether the same picture in another file does.

    Returns:
        One row a photo, in the order given: `rank` from 1, the most doubtful first (conflicts, then
        near-duplicate conflicts, then the rest by falling score); `score`, the probability that the
        label is wrong; `label_probability` of the given label; `suggested`, the best other class,
        and its `suggested_probability`; `conflict` (`SAME_FILE`, `NEAR_DUPLICATE` or "");
        `label_issue`, whether confident learning (Northcutt, Jiang and Chuang, 2021) names it too.

    Raises:
        ValueError: There are fewer than two classes, or the probabilities are not finite.
    """
    witnesses = [log_probabilities.astype(np.float64)]
    if neighbour_probabilities is not None:
        witnesses.append(np.log(neighbour_probabilities.astype(np.float64)))
    _check(witnesses)
    conflict = np.select([conflicts, near_duplicate_conflicts], [SAME_FILE, NEAR_DUPLICATE], "")
    contested = conflict != ""
    weights, noise = fit_noisy_pool(
        [witness[~contested] for witness in witnesses], labels[~contested]
    )
    pooled = _pool(witnesses, weights)
    log_label = np.take_along_axis(pooled, labels[:, None], axis=1)[:, 0]
    others = pooled.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    certainty = pd.Series(conflict).map(_CERTAINTY).to_numpy()
    order = np.lexsort((log_label, certainty))
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(1, len(labels) + 1)
    return pd.DataFrame(
        {
            "rank": rank,
            "score": _wrong_probability(np.exp(log_label), noise, pooled.shape[1]),
            "label_probability": np.exp(log_label),
            "suggested": others.argmax(axis=1),
            "suggested_probability": np.exp(others.max(axis=1)),
            "conflict": conflict,
            "label_issue": _label_issues(labels, pooled),
        }
    )


def fit_noisy_pool(witnesses: Sequence[np.ndarray], labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the witnesses' weights and the share of wrong labels by maximum likelihood.

    Args:
        witnesses: Log-probabilities of each witness, float64 [photos, classes].
        labels: int [photos].

    Returns:
        A weight a witness, none negative, and the share of wrong labels; equal weights of sum one
        and a common share where there is no photo to fit on.
    """
    from scipy.optimize import minimize

    start = np.array([1 / len(witnesses)] * len(witnesses) + [_FIRST_NOISE])
    if not len(labels):
        return start[:-1], _FIRST_NOISE
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


def _label_issues(labels: np.ndarray, pooled: np.ndarray) -> np.ndarray:
    """Ask cleanlab for the photos off the diagonal of its confident joint."""
    from cleanlab.filter import find_label_issues

    # The classes that no photo carries have no threshold of their own; cleanlab wants them away.
    present, compact = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return np.zeros(len(labels), dtype=bool)
    shares = np.exp(pooled[:, present])
    shares /= shares.sum(axis=1, keepdims=True)
    issues: np.ndarray = find_label_issues(
        compact, shares, filter_by="confident_learning", n_jobs=1
    )
    return issues


def _check(witnesses: Sequence[np.ndarray]) -> None:
    if witnesses[0].shape[1] < 2:
        raise ValueError("A label can only be wrong where there are two classes or more.")
    for name, witness in zip(("out-of-fold", "neighbours'"), witnesses, strict=False):
        finite = np.isfinite(witness).all(axis=1)
        if not finite.all():
            message = (
                f"The {name} probabilities of row {int(np.argmin(finite))} are not all finite and "
                "above zero: make them again."
            )
            raise ValueError(message)
