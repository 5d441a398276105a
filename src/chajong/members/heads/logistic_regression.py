"""Logistic regression that is pulled towards the classes' prototypes instead of towards zero.

The objective is the mean cross entropy + λ/2 ‖W - W₀‖², W₀ the prototypes at a scale: with few
photos a class they are better than what cross entropy finds alone, and λ says how far it may leave
them. The minimum is the posterior mode under a normal prior around W₀, as Chelba and Acero adapt
classifiers ("Adaptation of maximum entropy capitalizer", Computer Speech and Language, 2006).

The grid of λ is followed as one path, the strongest pull first, as in Friedman, Hastie and
Tibshirani (2010, "Regularization paths for generalized linear models"): each problem starts beside
its solution and inherits all curvature learnt so far, because only the known term of the pull
changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chajong.members.heads.fitted import CosineHead
from chajong.members.heads.lbfgs import CurvaturePairs, minimise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

PHOTOS_PER_CHUNK = 8192
TOLERANCE = 1e-3
"""Relative decrease that a step must still promise to be taken."""
MAX_EVALUATIONS = 100
SMALLEST_LOG_PROBABILITY = -60.0
EXTRAPOLATION = 0.7
"""Share of the last move that is repeated to guess the next solution of the path."""


@dataclass(frozen=True)
class _PulledCrossEntropy:
    """Mean cross entropy of the weights W₀ + V, plus λ/2‖V‖², as a function of V in one vector."""

    directions: Tensor  # [photos, dimensions]
    labels: Tensor  # [photos]
    start: Tensor  # W₀, [classes, dimensions]
    pull: float  # λ

    def __call__(self, moved: Tensor) -> tuple[float, Tensor]:
        import torch

        weights = self.start + moved.view_as(self.start)
        gradient = self.pull * moved
        slopes = gradient.view_as(weights)
        photos, loss = len(self.labels), 0.0
        for first in range(0, photos, PHOTOS_PER_CHUNK):
            directions = self.directions[first : first + PHOTOS_PER_CHUNK]
            labels = self.labels[first : first + PHOTOS_PER_CHUNK, None]
            residual = (directions @ weights.T).log_softmax(1)
            loss -= float(residual.gather(1, labels).sum(dtype=torch.float64))
            # Smaller probabilities would become denormal numbers, which slow products many times.
            residual.clamp_(min=SMALLEST_LOG_PROBABILITY)
            residual.exp_().scatter_add_(1, labels, residual.new_full(labels.shape, -1.0))
            slopes.addmm_(residual.T, directions, alpha=1 / photos)
        length = float(torch.linalg.vector_norm(moved, dtype=torch.float64))
        return loss / photos + self.pull / 2 * length**2, gradient


def logistic_path(
    directions: Tensor,
    labels: Tensor,
    start: Tensor,
    pulls: Sequence[float],
    tolerance: float = TOLERANCE,
) -> list[Tensor]:
    """Solve logistic regression without intercepts for every pull of a grid.

    Args:
        directions: float32 [photos, dimensions], of similar spread in every dimension: others give
            the same solutions more slowly.
        labels: int64 [photos], every class from 0 to the last one present.
        start: W₀, float32 [classes, dimensions].
        pulls: Values of λ, descending.
        tolerance: Relative decrease that a step must still promise to be taken.

    Returns:
        The weights [classes, dimensions] for each λ.
    """
    import torch

    classes = len(start)
    uniform = (1 - 1 / classes) / classes  # p (1 - p) of the uniform prediction
    fisher = (uniform * directions.square().mean(0)).repeat(classes)
    pairs = CurvaturePairs()
    previous = moved = torch.zeros_like(fisher)
    last, path = 0.0, []
    for pull in pulls:
        pairs.shift(torch.full_like(fisher, pull - last))
        last = pull
        objective = _PulledCrossEntropy(directions, labels, start, pull)
        guess = moved + EXTRAPOLATION * (moved - previous)
        minimum = minimise(objective, guess, fisher + pull, pairs, tolerance, MAX_EVALUATIONS)
        previous, moved = moved, minimum.point
        path.append(start + moved.view_as(start))
    return path


def fit_logistic_regression(
    directions: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    scales: Sequence[float],
    pulls: Sequence[float],
) -> list[CosineHead]:
    """Fit one head for each scale and pull.

    A class without a photo cannot be learnt: it keeps its prototype and takes no part.

    Args:
        directions: float32 [photos, dimensions], the training photos, whitened.
        labels: int64 [photos].
        prototypes: float32 [classes, dimensions], rows of length 1.
        scales: Factors between cosine and logit of the prototypes.
        pulls: Values of λ, descending.

    Returns:
        The heads, those of the first scale first.
    """
    present, compact = labels.unique(return_inverse=True)
    heads = []
    for scale in scales:
        start = scale * prototypes
        path = logistic_path(directions, compact, start[present], pulls)
        heads += [CosineHead(start.index_copy(0, present, found)) for found in path]
    return heads
