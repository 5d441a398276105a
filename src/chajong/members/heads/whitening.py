"""Directions in which photos of one class differ are noise: shrink them before comparing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class WithinClassCovariance:
    """How photos differ from the mean of their class.

    Attributes:
        centre: float32 [dimensions], the mean of all training photos.
        variances: float32 [directions], at most as many as there are photos.
        directions: float32 [dimensions, directions], orthonormal; across all others photos of one
            class do not differ at all.
    """

    centre: Tensor
    variances: Tensor
    directions: Tensor

    def power(self, exponent: float, shrinkage: float) -> Tensor:
        """Raise the shrunken covariance (1 - s) Σ + s · mean variance · I to a power.

        Args:
            exponent: -1 for its inverse, -0.5 for the map that makes classes round.
            shrinkage: s, above 0 and at most 1.

        Returns:
            float32 [dimensions, dimensions].
        """
        import torch

        floor = shrinkage * self.variances.sum() / len(self.centre)
        floor = floor.clamp_min(torch.finfo(floor.dtype).tiny ** 0.5)
        shrunken = (1 - shrinkage) * self.variances + floor
        scales = shrunken**exponent - floor**exponent
        matrix = (self.directions * scales) @ self.directions.T
        matrix.diagonal().add_(floor**exponent)
        return matrix


def within_class_covariance(
    features: Tensor, labels: Tensor, class_count: int
) -> WithinClassCovariance:
    """Measure how photos differ from the mean of their class.

    Args:
        features: float32 [photos, dimensions].
        labels: int64 [photos].
        class_count: Number of classes, present or not.

    Returns:
        The covariance in its own directions.
    """
    means, _ = class_means(features, labels, class_count)
    variances, directions = principal_directions(features - means[labels])
    return WithinClassCovariance(features.mean(0), variances, directions)


def principal_directions(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Find the directions along which rows around zero vary.

    Args:
        rows: float32 [rows, dimensions].

    Returns:
        Variances [directions] and orthonormal directions [dimensions, directions]. There are as
        many as rows where rows are fewer than dimensions; along all others nothing varies.
    """
    import torch

    count, dimensions = rows.shape
    if count >= dimensions:
        variances, directions = torch.linalg.eigh(rows.T @ rows / count)
        return variances.clamp_min(0.0), directions
    # The small Gram matrix has the same eigenvalues as the covariance.
    variances, combinations = torch.linalg.eigh(rows @ rows.T / count)
    return variances.clamp_min(0.0), torch.linalg.qr((rows.T @ combinations).flip(1))[0].flip(1)


@dataclass(frozen=True, eq=False)
class Whitened:
    """Training photos after whitening, and the map that made them.

    Attributes:
        centre: float32 [dimensions].
        projection: float32 [dimensions, dimensions].
        directions: float32 [photos, dimensions], rows of length 1.
    """

    centre: Tensor
    projection: Tensor
    directions: Tensor


def whiten(features: Tensor, covariance: WithinClassCovariance, shrinkage: float) -> Whitened:
    """Make the variation within classes round, as far as the shrinkage allows.

    Args:
        features: float32 [photos, dimensions], the training photos.
        covariance: How they differ from the means of their classes.
        shrinkage: Share of the identity, above 0 and at most 1.

    Returns:
        The whitened photos and the map.
    """
    from torch.nn.functional import normalize

    projection = covariance.power(-0.5, shrinkage)
    directions = normalize((features - covariance.centre) @ projection, dim=1)
    return Whitened(covariance.centre, projection, directions)


def class_means(features: Tensor, labels: Tensor, class_count: int) -> tuple[Tensor, Tensor]:
    """Average the features of each class.

    Args:
        features: float32 [photos, dimensions].
        labels: int64 [photos].
        class_count: Number of classes, present or not.

    Returns:
        Means [classes, dimensions] (zero for a class without photos) and photos a class.
    """
    counts = labels.bincount(minlength=class_count)
    sums = features.new_zeros(class_count, features.shape[1]).index_add_(0, labels, features)
    return sums / counts.clamp_min(1)[:, None], counts
