"""Heads in closed form: a photo is compared with the mean of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.heads.fitted import CosineHead, LinearHead
from chajong.members.heads.whitening import class_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.heads.whitening import WithinClassCovariance

COSINE_SCALE = 32.0
"""Factor between cosine and score: about what a fitted temperature asks for."""

NAME_RIDGE = 1.0
"""Ridge of the map from names to prototypes, in units of a name embedding's squared length."""


def fit_prototypes(
    features: Tensor,
    labels: Tensor,
    class_count: int,
    covariance: WithinClassCovariance,
    shrinkages: Sequence[float],
) -> list[LinearHead]:
    """Compare photos with class means under a shrunken common covariance.

    This is linear discriminant analysis with equal class frequencies; with shrinkage 1 the
    covariance is a multiple of the identity and the nearest mean wins. Source: Hastie, Tibshirani
    and Friedman, The Elements of Statistical Learning, section 4.3.

    Args:
        features: float32 [photos, dimensions].
        labels: int64 [photos].
        class_count: Number of classes; one without photos scores like the overall mean.
        covariance: How photos differ from the means of their classes.
        shrinkages: Shares of the identity.

    Returns:
        One head a shrinkage.
    """
    means, counts = class_means(features, labels, class_count)
    offsets = (means - covariance.centre) * (counts > 0)[:, None]
    heads = []
    for shrinkage in shrinkages:
        weights = covariance.power(-1.0, shrinkage)(offsets)
        heads.append(LinearHead(weights, -(weights * (covariance.centre + offsets / 2)).sum(1)))
    return heads


def name_aware_prototypes(
    directions: Tensor,
    labels: Tensor,
    class_count: int,
    names: Tensor,
    name_weights: Sequence[float],
) -> list[Tensor]:
    """Join each class's photo prototype with what its name says.

    The prototype of a class is normalise(v + α · P t): v is the mean direction of its photos, t the
    embedding of its name, P a ridge map from names to prototypes. For a class with photos P leaves
    that class out (the closed form of leave-one-out ridge regression), so that the name adds what
    the other classes suggest. A class without photos is scored by its name alone.

    Args:
        directions: float32 [photos, dimensions], the training photos, whitened.
        labels: int64 [photos].
        class_count: Number of classes, present or not.
        names: float32 [classes, name dimensions], rows of length 1.
        name_weights: Values of α.

    Returns:
        float32 [classes, dimensions], rows of length 1, for each value of α.
    """
    from torch.nn.functional import normalize

    means, counts = class_means(directions, labels, class_count)
    prototypes = normalize(means, dim=1)
    suggested = normalize(_from_names(names, prototypes, counts > 0), dim=1)
    joined = []
    for name_weight in name_weights:
        weight = (counts == 0).to(means) + name_weight * (counts > 0)
        joined.append(normalize(prototypes + weight[:, None] * suggested, dim=1))
    return joined


def fit_name_aware(prototypes: Sequence[Tensor]) -> list[CosineHead]:
    """Compare whitened photos with prototypes, one head for each of `name_aware_prototypes`."""
    return [CosineHead(COSINE_SCALE * rows) for rows in prototypes]


def _from_names(names: Tensor, prototypes: Tensor, present: Tensor) -> Tensor:
    """Predict every class's prototype from its name and the other classes.

    Source of the leave-one-out form: Hastie, Tibshirani and Friedman, section 7.10, for kernel
    ridge regression: y_i - [G⁻¹ y]_i / [G⁻¹]_ii with G = K + λ I.
    """
    import torch

    centred = names - names[present].mean(0)
    kernel = centred[present] @ centred[present].T
    inverse = torch.linalg.inv(kernel + NAME_RIDGE * torch.eye(len(kernel)).to(kernel))
    average = prototypes[present].mean(0)
    dual = inverse @ (prototypes[present] - average)
    predicted: Tensor = average + centred @ centred[present].T @ dual
    predicted[present] = prototypes[present] - dual / inverse.diagonal()[:, None]
    return predicted
