"""Multinomial logistic regression for every strength of regularisation at once.

The objective is scikit-learn's: C · (sum of cross entropies) + ½‖W‖², the intercepts free. Two
things make it fast. In the eigenbasis of the features' covariance, where the Hessian at the
uniform prediction is diagonal, L-BFGS starts from nearly the right metric (after Böhning, 1992,
"Multinomial logistic regression algorithm"). And the grid of C is followed as one path, weak
regularisation last, as in Friedman, Hastie and Tibshirani (2010, "Regularization paths for
generalized linear models"): each problem starts beside its solution and inherits all curvature
learnt so far, because only the known term of the regularisation changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chajong.members.heads.fitted import LinearHead
from chajong.members.heads.lbfgs import CurvaturePairs, minimise
from chajong.members.heads.whitening import principal_directions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

PHOTOS_PER_CHUNK = 8192
MAX_EVALUATIONS = 300
SMALLEST_LOG_PROBABILITY = -60.0
EXTRAPOLATION = 0.7
"""Share of the last move that is repeated to guess the next solution of the path."""


@dataclass(frozen=True)
class _CrossEntropy:
    """Mean cross entropy of a linear model plus λ/2‖W‖², as a function of W and b in one vector."""

    features: Tensor  # [photos, directions]
    labels: Tensor  # [photos]
    class_count: int
    decay: float  # λ = 1 / (C photos)

    def __call__(self, point: Tensor) -> tuple[float, Tensor]:
        import torch

        weights, intercepts = _split(point, self.class_count)
        gradient = torch.zeros_like(point)
        weight_gradient, intercept_gradient = _split(gradient, self.class_count)
        photos, loss = len(self.labels), 0.0
        for first in range(0, photos, PHOTOS_PER_CHUNK):
            features = self.features[first : first + PHOTOS_PER_CHUNK]
            labels = self.labels[first : first + PHOTOS_PER_CHUNK, None]
            residual = torch.addmm(intercepts, features, weights.T).log_softmax(1)
            loss -= float(residual.gather(1, labels).sum(dtype=torch.float64))
            # Smaller probabilities would become denormal numbers, which slow products many times.
            residual.clamp_(min=SMALLEST_LOG_PROBABILITY)
            residual.exp_().scatter_add_(1, labels, residual.new_full(labels.shape, -1.0))
            weight_gradient.addmm_(residual.T, features)
            intercept_gradient += residual.sum(0)
        gradient /= photos
        weight_gradient.add_(weights, alpha=self.decay)
        length = float(torch.linalg.vector_norm(weights, dtype=torch.float64))
        return loss / photos + self.decay / 2 * length**2, gradient


def _split(point: Tensor, class_count: int) -> tuple[Tensor, Tensor]:
    return point[:-class_count].view(class_count, -1), point[-class_count:]


def logistic_path(
    features: Tensor,
    labels: Tensor,
    class_count: int,
    strengths: Sequence[float],
    tolerance: float,
) -> list[tuple[Tensor, Tensor]]:
    """Solve multinomial logistic regression for every C of an ascending grid.

    Args:
        features: float32 [photos, directions], centred and uncorrelated: others give
            the same solutions more slowly.
        labels: int64 [photos], every class from 0 to class_count - 1 present.
        class_count: Number of classes.
        strengths: C values, ascending.
        tolerance: Relative decrease that a Newton step must still promise to be taken.

    Returns:
        For each C the weights [classes, directions] and the intercepts [classes].
    """
    import torch

    photos, directions = features.shape
    weight_entries = class_count * directions
    uniform = (1 - 1 / class_count) / class_count  # p (1 - p) of the uniform prediction
    fisher = features.new_full((weight_entries + class_count,), uniform)
    fisher[:weight_entries] = (uniform * features.square().mean(0)).repeat(class_count)
    is_weight = torch.zeros_like(fisher)
    is_weight[:weight_entries] = 1.0

    pairs = CurvaturePairs()
    previous = solution = torch.zeros_like(fisher)
    decay = 0.0
    path = []
    for strength in strengths:
        change = 1 / (strength * photos) - decay
        decay += change
        pairs.shift(change * is_weight)
        start = solution + EXTRAPOLATION * (solution - previous)
        objective = _CrossEntropy(features, labels, class_count, decay)
        curvature = fisher + decay * is_weight
        minimum = minimise(objective, start, curvature, pairs, tolerance, MAX_EVALUATIONS)
        previous, solution = solution, minimum.point
        path.append(_split(solution, class_count))
    return path


def fit_logistic_regression(
    features: Tensor,
    labels: Tensor,
    class_count: int,
    strengths: Sequence[float],
    tolerance: float,
) -> list[LinearHead]:
    """Fit one linear head for each C.

    A class without a photo cannot be learnt; its score is constant, as if one photo in all the
    training photos had been of that class.

    Args:
        features: float32 [photos, dimensions].
        labels: int64 [photos].
        class_count: Number of classes, present or not.
        strengths: C values, ascending, for centred features of mean squared length 1: features
            are scaled to that length, so that one grid serves every encoder.
        tolerance: See `logistic_path`.

    Returns:
        The heads, in the order of `strengths`.
    """
    import torch

    centre = features.mean(0)
    variances, directions = principal_directions(features - centre)
    rotation = directions / variances.sum().clamp_min(torch.finfo().tiny).sqrt()
    scaled = (features - centre) @ rotation
    present, compact = labels.unique(return_inverse=True)
    heads = []
    for weights, intercepts in logistic_path(scaled, compact, len(present), strengths, tolerance):
        normaliser = (scaled @ weights.T + intercepts).logsumexp(1).mean()
        all_weights = features.new_zeros(class_count, features.shape[1])
        all_weights[present] = weights @ rotation.T
        absent_score = normaliser - features.new_tensor(float(len(labels))).log()
        all_intercepts = absent_score.repeat(class_count)
        all_intercepts[present] = intercepts - all_weights[present] @ centre
        heads.append(LinearHead(all_weights, all_intercepts))
    return heads
