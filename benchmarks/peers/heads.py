"""Light heads: logistic regression over a grid of penalties, against scikit-learn's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.heads import draw
from benchmarks.peers.comparison import Comparison
from chajong.members.heads.logistic_regression import logistic_path
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.whitening import whiten, within_class_covariance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PHOTOS, WIDTH, CLASSES = 8_000, 256, 391
TOLERANCE = 3e-5
"""Of scikit-learn's gradients: its default ends far above the minimum where the penalty is weak."""


def comparisons() -> Iterator[Comparison]:
    """Fit a head for every pull of the default grid, on whitened directions as a run does.

    Pulled towards zero, ours has the objective of scikit-learn's.

    Yields:
        One comparison.
    """
    features, labels = draw(PHOTOS, WIDTH, CLASSES)
    rows, targets = torch.from_numpy(features), torch.from_numpy(labels)
    defaults = HeadsParameters()
    covariance = within_class_covariance(rows, targets, CLASSES)
    directions = whiten(rows, covariance, defaults.whitening_shrinkage).directions
    pulls = sorted(defaults.pulls, reverse=True)
    start = torch.zeros(CLASSES, directions.shape[1])

    def apart(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> str:
        sides = [losses(weights, directions, targets, pulls) for weights in (ours, theirs)]
        return f"losses within {np.abs(np.subtract(*sides) / sides[1]).max():.4%}"

    yield Comparison(
        job=f"logistic regression, {len(pulls)} penalties",
        peer="scikit-learn's lbfgs",
        work=len(pulls),
        unit="fits",
        ours=partial(logistic_path, directions, targets, start, pulls),
        theirs=partial(path_of_scikit_learn, directions.numpy(), labels, pulls),
        agreement=apart,
    )


def path_of_scikit_learn(
    directions: np.ndarray, labels: np.ndarray, pulls: Sequence[float]
) -> list[torch.Tensor]:
    """Fit scikit-learn's model for each pull, every one from where the last one ended.

    Args:
        directions: float32 [photos, dimensions].
        labels: int64 [photos].
        pulls: Values of λ in mean cross entropy + λ/2 ‖W‖², descending.

    Returns:
        The weights for each λ, float32 [classes, dimensions].
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(fit_intercept=False, tol=TOLERANCE, max_iter=5_000, warm_start=True)
    path = []
    for pull in pulls:
        model.set_params(C=1 / (pull * len(labels))).fit(directions, labels)
        path.append(torch.from_numpy(model.coef_.copy()))
    return path


def losses(
    path: Sequence[torch.Tensor],
    directions: torch.Tensor,
    labels: torch.Tensor,
    pulls: Sequence[float],
) -> np.ndarray:
    """Give what both sides minimise, mean cross entropy + λ/2 ‖W‖², for each λ."""
    from torch.nn.functional import cross_entropy

    return np.array(
        [
            float(cross_entropy(directions @ weights.T, labels) + pull / 2 * weights.square().sum())
            for weights, pull in zip(path, pulls, strict=True)
        ]
    )
