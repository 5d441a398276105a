"""A softmax over cosines: one trained direction a class, at a fixed scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.heads.fitted import CosineHead
from chajong.members.heads.lbfgs import CurvaturePairs, minimise
from chajong.members.heads.whitening import class_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.heads.whitening import Whitened

TOLERANCE = 1e-3
MAX_EVALUATIONS = 60
FIRST_STEP = 0.1
"""Length of the first step, as a share of the length of the starting point."""


def fit_cosine_softmax(
    whitened: Whitened, labels: Tensor, class_count: int, scales: Sequence[float]
) -> list[CosineHead]:
    """Train one direction a class by cross entropy, from the class prototypes.

    Whitened photos and classes' directions have length 1; the scale between cosine and logit is
    fixed and keeps the fit from becoming too sure. Source: Wang et al.,
    NormFace (ACM Multimedia 2017).

    Args:
        whitened: The training photos.
        labels: int64 [photos].
        class_count: Number of classes; one without photos keeps the direction 0.
        scales: Scales.

    Returns:
        One head a scale.
    """
    from torch.nn.functional import normalize

    # A direction 0 has no finite gradient, so that classes without photos take no part.
    present, compact = labels.unique(return_inverse=True)
    means, _ = class_means(whitened.directions, compact, len(present))
    start = normalize(means, dim=1)
    heads = []
    for scale in scales:
        weights = start.new_zeros(class_count, start.shape[1])
        weights[present] = scale * _train(whitened.directions, compact, start, scale)
        heads.append(CosineHead(whitened.centre, whitened.projection, weights))
    return heads


def _train(directions: Tensor, labels: Tensor, start: Tensor, scale: float) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy, normalize

    def objective(point: Tensor) -> tuple[float, Tensor]:
        with torch.enable_grad():
            weights = point.detach().view_as(start).requires_grad_()
            logits = scale * directions @ normalize(weights, dim=1).T
            loss = cross_entropy(logits, labels)
            (gradient,) = torch.autograd.grad(loss, weights)
        return loss.item(), gradient.reshape(-1)

    point = start.reshape(-1)
    steepness = objective(point)[1].norm() / (FIRST_STEP * point.norm())
    curvature = torch.ones_like(point) * steepness.clamp_min(torch.finfo().tiny)
    minimum = minimise(objective, point, curvature, CurvaturePairs(), TOLERANCE, MAX_EVALUATIONS)
    return normalize(minimum.point.view_as(start), dim=1)
