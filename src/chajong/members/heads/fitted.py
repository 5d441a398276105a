"""Fitted heads: what a search keeps, a checkpoint stores and a test photo is scored with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.members.heads.parameters import HeadName

VOTE_FLOOR = 1e-3
"""Votes that every class has from the start, so that none is impossible."""

PHOTOS_AT_ONCE = 4096


class FittedHead(Protocol):
    """Scores photos; a softmax of the scores over a temperature gives probabilities.

    Attributes:
        whitens: Whether it looks at whitened directions instead of features.
    """

    whitens: ClassVar[bool]

    def scores(self, seen: Tensor) -> Tensor:
        """Score photos.

        Args:
            seen: float32 of shape [photos, dimensions], features that are normalised as in
                training, or their whitened directions.

        Returns:
            float32 of shape [photos, classes].
        """

    def tensors(self) -> dict[str, Tensor]:
        """Give what the head is made of, by the names of its fields."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Scores are an affine function of the features.

    Attributes:
        weights: float32 [classes, dimensions].
        intercepts: float32 [classes].
    """

    weights: Tensor
    intercepts: Tensor
    whitens: ClassVar[bool] = False

    def scores(self, seen: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        return seen @ self.weights.T + self.intercepts

    def tensors(self) -> dict[str, Tensor]:
        """Give weights and intercepts."""
        return {"weights": self.weights, "intercepts": self.intercepts}


@dataclass(frozen=True, eq=False)
class CosineHead:
    """Scores are cosines between whitened photos and one direction a class, times a scale.

    Attributes:
        weights: float32 [classes, dimensions]; their length is the scale.
    """

    weights: Tensor
    whitens: ClassVar[bool] = True

    def scores(self, seen: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        return seen @ self.weights.T

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights."""
        return {"weights": self.weights}


@dataclass(frozen=True, eq=False)
class NeighbourHead:
    """Scores are logarithms of the votes of the nearest training photos.

    Attributes:
        photos: float32 or, where they are many, float16 [photos, dimensions], the training photos,
            whitened.
        labels: int64 [photos], the training photos' classes.
        settings: float32 [3]: the numbers of neighbours and of classes, and the sharpness of a
            vote, which is the cosine difference over which it falls by a factor e.
    """

    photos: Tensor
    labels: Tensor
    settings: Tensor
    whitens: ClassVar[bool] = True

    def scores(self, seen: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        import torch

        neighbours, classes = int(self.settings[0]), int(self.settings[1])
        photos, parts = self.photos.float(), []
        for part in seen.split(PHOTOS_AT_ONCE):
            cosines, nearest = (part @ photos.T).topk(min(neighbours, len(photos)))
            votes = (cosines / self.settings[2]).softmax(1)
            counted = seen.new_zeros(len(part), classes)
            parts.append(counted.scatter_add_(1, self.labels[nearest], votes))
        return (torch.cat(parts) + VOTE_FLOOR).log()

    def tensors(self) -> dict[str, Tensor]:
        """Give the training photos, their labels and the settings."""
        return {"photos": self.photos, "labels": self.labels, "settings": self.settings}


HEADS: dict[HeadName, type[LinearHead] | type[CosineHead] | type[NeighbourHead]] = {
    "name_aware": CosineHead,
    "logistic_regression": CosineHead,
    "prototypes": LinearHead,
    "neighbours": NeighbourHead,
}
"""What every kind of head is made of."""
