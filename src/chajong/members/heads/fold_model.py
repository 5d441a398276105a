"""One fold's heads, as they answer about photos together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chajong.members.heads.fitted import HEADS
from chajong.members.heads.normalisation import normalise_features
from chajong.members.heads.whitening import whitening_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from chajong.members.heads.fitted import FittedHead
    from chajong.members.heads.parameters import HeadName
    from chajong.members.heads.whitening import Whitening
    from chajong.predictions.mixture import Mixture

WHITENING = "whitening"


@dataclass(frozen=True, eq=False)
class FoldModel:
    """The heads of one fold with what their scores are mixed by.

    Attributes:
        heads: One of each kind that is pooled, in the order of the weights.
        whitening: What photos go through before heads that whiten; None where none does.
        mixture: The weights, which are those of all folds.
        signed_square_root: Whether features x become sign(x) √|x|.
        l2: Whether each photo's features are divided by their length.
    """

    heads: Mapping[HeadName, FittedHead]
    whitening: Whitening | None
    mixture: Mixture
    signed_square_root: bool
    l2: bool

    def log_probabilities(self, features: Tensor) -> np.ndarray:
        """Score photos.

        Args:
            features: As the encoder gives them, of shape [photos, width], on any device.

        Returns:
            float32 of shape [photos, classes].
        """
        device = next(iter(self.tensors().values())).device
        scores = self.scores(features.to(device))
        return self.mixture.log_probabilities([score.cpu().numpy() for score in scores])

    def scores(self, features: Tensor) -> list[Tensor]:
        """Score photos [photos, width] as [photos, classes], once for each head."""
        normalised = normalise_features(features, self.signed_square_root, self.l2)
        return scores_of(self.heads.values(), self.whitening, normalised)

    def tensors(self) -> dict[str, Tensor]:
        """Give what heads and whitening are made of, by kind, as `restored_fold` takes it."""
        made_of: dict[str, dict[str, Tensor]] = {
            kind: head.tensors() for kind, head in self.heads.items()
        }
        if self.whitening is not None:
            made_of[WHITENING] = self.whitening.tensors()
        return {
            f"{kind}.{name}": part for kind, own in made_of.items() for name, part in own.items()
        }


def scores_of(
    heads: Iterable[FittedHead], whitening: Whitening | None, normalised: Tensor
) -> list[Tensor]:
    """Let heads score photos, which are whitened once for all that look at directions.

    Args:
        heads: The heads.
        whitening: None where no head whitens.
        normalised: float32 [photos, dimensions], normalised features.

    Returns:
        float32 [photos, classes] for each head.
    """
    directions = normalised if whitening is None else whitening(normalised)
    return [head.scores(directions if head.whitens else normalised) for head in heads]


def restored_fold(
    tensors: Mapping[str, Tensor],
    mixture: Mixture,
    kinds: Iterable[HeadName],
    **normalisation: bool,
) -> FoldModel:
    """Build a fold's model from what its `tensors` gave.

    Args:
        tensors: By kind and name.
        mixture: The weights.
        kinds: The kinds of the heads, in the order of the weights.
        **normalisation: How features are normalised, by the names of `FoldModel`.
    """
    made_of: dict[str, dict[str, Tensor]] = {}
    for name, part in tensors.items():
        kind, own = name.split(".")
        made_of.setdefault(kind, {})[own] = part
    whitening = whitening_of(**made_of[WHITENING]) if WHITENING in made_of else None
    heads = {kind: HEADS[kind](**made_of[kind]) for kind in kinds}
    return FoldModel(heads, whitening, mixture, **normalisation)
