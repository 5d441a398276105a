"""Fitted heads: what a search keeps, a checkpoint stores and a test photo is scored with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

VOTE_FLOOR = 1e-3
"""Votes that every class has from the start, so that none is impossible."""

PHOTOS_AT_ONCE = 4096


class FittedHead(Protocol):
    """Scores photos; a softmax of the scores over a temperature gives probabilities."""

    def scores(self, features: Tensor) -> Tensor:
        """Score photos.

        Args:
            features: float32 of shape [photos, dimensions], normalised as in training.

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

    def scores(self, features: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        return features @ self.weights.T + self.intercepts

    def tensors(self) -> dict[str, Tensor]:
        """Give weights and intercepts."""
        return {"weights": self.weights, "intercepts": self.intercepts}


@dataclass(frozen=True, eq=False)
class CosineHead:
    """Scores are cosines between whitened features and one direction a class, times a scale.

    Attributes:
        centre: float32 [dimensions], the mean of the training photos.
        projection: float32 [dimensions, dimensions], the whitening.
        weights: float32 [classes, dimensions]; their length is the scale.
    """

    centre: Tensor
    projection: Tensor
    weights: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        from torch.nn.functional import normalize

        return normalize((features - self.centre) @ self.projection, dim=1) @ self.weights.T

    def tensors(self) -> dict[str, Tensor]:
        """Give the centre, the whitening and the weights."""
        return {"centre": self.centre, "projection": self.projection, "weights": self.weights}


@dataclass(frozen=True, eq=False)
class NeighbourHead:
    """Scores are logarithms of the votes of the nearest training photos.

    Attributes:
        centre: float32 [dimensions], the mean of the training photos.
        projection: float32 [dimensions, dimensions], the whitening.
        photos: float32 [photos, dimensions], the training photos, whitened and of length 1.
        labels: int64 [photos], the training photos' classes.
        settings: float32 [3]: the numbers of neighbours and of classes, and the sharpness of a
            vote, which is the cosine difference over which it falls by a factor e.
    """

    centre: Tensor
    projection: Tensor
    photos: Tensor
    labels: Tensor
    settings: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        import torch
        from torch.nn.functional import normalize

        neighbours, classes = int(self.settings[0]), int(self.settings[1])
        parts = []
        whitened = normalize((features - self.centre) @ self.projection, dim=1)
        for part in whitened.split(PHOTOS_AT_ONCE):
            cosines, nearest = (part @ self.photos.T).topk(min(neighbours, len(self.photos)))
            votes = (cosines / self.settings[2]).softmax(1)
            counted = features.new_zeros(len(part), classes)
            parts.append(counted.scatter_add_(1, self.labels[nearest], votes))
        return (torch.cat(parts) + VOTE_FLOOR).log()

    def tensors(self) -> dict[str, Tensor]:
        """Give the whitening, the training photos, their labels and the settings."""
        return {
            "centre": self.centre,
            "projection": self.projection,
            "photos": self.photos,
            "labels": self.labels,
            "settings": self.settings,
        }


@dataclass(frozen=True, eq=False)
class PooledHead:
    """Scores are a weighted sum of other heads' scores: a logarithmic opinion pool.

    Attributes:
        heads: The heads, none of them a pool; those that whiten share their whitening.
        shares: float32 [heads], their weights.
    """

    heads: tuple[FittedHead, ...]
    shares: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        import torch

        parts = [head.scores(features) for head in self.heads]
        return torch.einsum("h,hpc->pc", self.shares, torch.stack(parts))

    def tensors(self) -> dict[str, Tensor]:
        """Give the shares, the whitening once, and the heads' own parts by place and form."""
        tensors = {SHARES: self.shares}
        for place, head in enumerate(self.heads):
            for name, part in head.tensors().items():
                own = f"{place}.{form_of(head)}.{name}"
                tensors[name if name in WHITENING else own] = part
        return tensors


SHARES = "shares"
WHITENING = ("centre", "projection")
POOL = "pool"

HEADS: dict[str, type[LinearHead] | type[CosineHead] | type[NeighbourHead]] = {
    "linear": LinearHead,
    "cosine": CosineHead,
    "neighbour": NeighbourHead,
}
"""Every form of a single head, by the name that a checkpoint keeps; several are a `POOL`."""


def form_of(head: FittedHead) -> str:
    """Name the form of a head, as `HEADS` does."""
    return next((name for name, form in HEADS.items() if isinstance(head, form)), POOL)


def head_of(form: str, tensors: Mapping[str, Tensor]) -> FittedHead:
    """Build a head from its form and what its `tensors` gave."""
    if form != POOL:
        return HEADS[form](**tensors)
    parts: dict[tuple[int, str], dict[str, Tensor]] = {}
    for name, part in tensors.items():
        if name != SHARES and name not in WHITENING:
            place, part_form, own = name.split(".")
            parts.setdefault((int(place), part_form), {})[own] = part
    whitening = {name: tensors[name] for name in WHITENING if name in tensors}
    heads = [
        HEADS[part_form](**part, **({} if part_form == "linear" else whitening))
        for (_, part_form), part in sorted(parts.items())
    ]
    return PooledHead(tuple(heads), tensors[SHARES])
