"""Directions in which photos of one class differ are noise: shrink them before comparing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


WIDE = 2048
"""Directions up to which the covariance is taken whole."""

LEADING_DIRECTIONS = 1024
"""Directions that are looked at where there would be more than `WIDE`, class means besides."""

PHOTOS_FOR_DIRECTIONS = 4096
"""Photos at most, evenly spread, by which leading directions are found."""

PHOTOS_AT_ONCE = 4096

SHORTEST = 1e-12
"""A whitened photo below this length is the mean, and has no direction."""


@dataclass(frozen=True, eq=False)
class LowRankMap:
    """A multiple of the identity plus a symmetric matrix of low rank: x ↦ s x + D diag(g) Dᵀ x.

    It is kept by its directions, as a dense matrix grows with the square of the dimensions.

    Attributes:
        scale: float32 [], s, what is done to all that is across the directions.
        gains: float32 [directions], g, what is done more, or less, along each of them.
        directions: float32 [dimensions, directions], D, orthonormal.
    """

    scale: Tensor
    gains: Tensor
    directions: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Map rows [rows, dimensions]."""
        return self.scale * rows + (rows @ self.directions * self.gains) @ self.directions.T

    def along_directions(self) -> LowRankMap:
        """Leave out all that is across the directions."""
        return replace(self, scale=0 * self.scale, gains=self.gains + self.scale)


@dataclass(frozen=True, eq=False)
class WithinClassCovariance:
    """How photos differ from the mean of their class.

    Attributes:
        centre: float32 [dimensions], the mean of all training photos.
        variances: float32 [directions], at most as many as there are photos.
        directions: float32 [dimensions, directions], orthonormal; no training photo differs from
            the mean across them or, where only leading directions are looked at, it differs little.
    """

    centre: Tensor
    variances: Tensor
    directions: Tensor

    def power(self, exponent: float, shrinkage: float) -> LowRankMap:
        """Raise the shrunken covariance (1 - s) Σ + s · mean variance · I to a power.

        Args:
            exponent: -1 for its inverse, -0.5 for the map that makes classes round.
            shrinkage: s, above 0 and at most 1.
        """
        import torch

        floor = shrinkage * self.variances.sum() / len(self.centre)
        floor = floor.clamp_min(torch.finfo(floor.dtype).tiny ** 0.5)
        shrunken = (1 - shrinkage) * self.variances + floor
        scale = floor**exponent
        return LowRankMap(scale, shrunken**exponent - scale, self.directions)


def within_class_covariance(
    features: Tensor, labels: Tensor, class_count: int
) -> WithinClassCovariance:
    """Measure how photos differ from the mean of their class.

    Where photos and dimensions are more than `WIDE`, only directions that photos of a class differ
    most along and those between class means are looked at: what a photo costs then no longer grows
    with the photos.

    Args:
        features: float32 [photos, dimensions].
        labels: int64 [photos].
        class_count: Number of classes, present or not.

    Returns:
        The covariance in its own directions.
    """
    import torch

    means, counts = class_means(features, labels, class_count)
    centre, present = features.mean(0), counts > 0
    between = (means[present] - centre).T
    if is_wide(*features.shape):
        some = evenly_spread(len(features))
        leading = leading_directions(features[some] - means[labels[some]])
        basis = torch.linalg.qr(torch.cat([leading, between], dim=1))[0]
        variances, inside = principal_directions(features @ basis - (means @ basis)[labels])
        return WithinClassCovariance(centre, variances, basis @ inside)
    variances, directions = principal_directions(features - means[labels])
    # Photos that differ from their class's mean are that many fewer; the rest are zeros.
    least = max(0, len(variances) - len(features) + int(present.sum()))
    variances, directions = variances[least:], directions[:, least:]
    basis = torch.linalg.qr(torch.cat([directions, between], dim=1))[0]
    none = variances.new_zeros(basis.shape[1] - len(variances))
    # In the order in which a checkpoint keeps them, else its answers would be rounded otherwise.
    return WithinClassCovariance(centre, torch.cat([variances, none]), basis.contiguous())


def is_wide(photos: float, dimensions: float) -> bool:
    """Say whether so many features vary along more directions than `WIDE`."""
    return min(photos, dimensions) > WIDE


def evenly_spread(photos: int) -> slice:
    """Choose `PHOTOS_FOR_DIRECTIONS` of so many photos, or fewer."""
    return slice(None, None, -(-photos // PHOTOS_FOR_DIRECTIONS))


def leading_directions(rows: Tensor) -> Tensor:
    """Find, nearly, the directions along which rows around zero vary most.

    Source: Halko, Martinsson and Tropp, "Finding structure with randomness" (SIAM Review, 2011),
    algorithm 4.3, as implemented by scikit-learn; the seed is fixed.

    Args:
        rows: float32 [rows, dimensions].

    Returns:
        Orthonormal directions [dimensions, `LEADING_DIRECTIONS`].
    """
    import torch
    from sklearn.utils.extmath import randomized_range_finder

    found = randomized_range_finder(
        rows.T.cpu().numpy(), size=LEADING_DIRECTIONS, n_iter=2, random_state=0
    )
    return torch.from_numpy(found).to(rows)


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
class Whitening:
    """Turns photos' features into directions, whose cosines are then compared.

    They are coordinates along the map's own directions, between which all training photos lie, and
    so all that photos are compared with; what a photo has across them counts in its length, unless
    the map leaves it out.

    Attributes:
        centre: float32 [dimensions], the mean of the training photos.
        root: Makes the variation within classes round.
    """

    centre: Tensor
    root: LowRankMap

    def __call__(self, features: Tensor) -> Tensor:
        """Turn features [photos, dimensions] into [photos, directions] of length 1 or less."""
        offsets = features - self.centre
        inside = offsets @ self.root.directions
        across = self.root.scale * (offsets - inside @ self.root.directions.T)
        whitened = inside * (self.root.scale + self.root.gains)
        squares = whitened.square().sum(1, keepdim=True) + across.square().sum(1, keepdim=True)
        return whitened / squares.sqrt().clamp_min(SHORTEST)

    def tensors(self) -> dict[str, Tensor]:
        """Give what it is made of, as `whitening_of` takes it."""
        kept = {"centre": self.centre, **vars(self.root)}
        return kept | {"directions": self.root.directions.half()}


def whitening_of(centre: Tensor, **root: Tensor) -> Whitening:
    """Build a whitening from what its `tensors` gave."""
    return Whitening(centre, LowRankMap(**root | {"directions": root["directions"].float()}))


@dataclass(frozen=True, eq=False)
class Whitened:
    """Training photos after whitening, and the map that made them.

    Attributes:
        whitening: The map.
        directions: float32 [photos, directions], rows of length 1.
    """

    whitening: Whitening
    directions: Tensor


def whiten(features: Tensor, covariance: WithinClassCovariance, shrinkage: float) -> Whitened:
    """Make the variation within classes round, as far as the shrinkage allows.

    Directions are rounded to float16, as which a checkpoint keeps them: they are most of it. What
    lies across leading directions is left out: it is not that in which a new photo differs.

    Args:
        features: float32 [photos, dimensions], the training photos.
        covariance: How they differ from the means of their classes.
        shrinkage: Share of the identity, above 0 and at most 1.

    Returns:
        The whitened photos and the map.
    """
    import torch

    root = covariance.power(-0.5, shrinkage)
    if is_wide(*features.shape):
        root = root.along_directions()
    root = replace(root, directions=root.directions.half().float())
    whitening = Whitening(covariance.centre, root)
    parts = [whitening(part) for part in features.split(PHOTOS_AT_ONCE)]
    return Whitened(whitening, torch.cat(parts))


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
