"""What else a photo's features should tell: the embedding of its name, and the name's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cosine_similarity, cross_entropy, smooth_l1_loss

from chajong.members.backbone.names import NOT_SAID

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.members.backbone.names import NameTargets

YEARS = "years"


class NameEmbeddingLoss(torch.nn.Module):
    """How far the name's embedding predicted from a photo points away from the true one."""

    embeddings: Tensor

    def __init__(self, feature_count: int, names: NameTargets) -> None:
        """Initialise a linear layer at random.

        Args:
            feature_count: Features of a photo.
            names: Targets of every class.
        """
        super().__init__()
        embeddings = torch.tensor(names.embeddings)
        self.register_buffer("embeddings", embeddings, persistent=False)
        self.layer = torch.nn.Linear(feature_count, embeddings.shape[1])

    def forward(
        self, features: Tensor, labels: Tensor, other_labels: Tensor, share: Tensor
    ) -> Tensor:
        """Return the mean of one minus the cosine; arguments as in `mixed_cross_entropy`."""
        predicted = self.layer(features)
        first = cosine_similarity(predicted, self.embeddings[labels])
        second = cosine_similarity(predicted, self.embeddings[other_labels])
        return 1 - (share * first + (1 - share) * second).mean()


class AttributeLoss(torch.nn.Module):
    """How badly linear layers read the parts of the name off a photo's features."""

    def __init__(self, feature_count: int, names: NameTargets) -> None:
        """Initialise a linear layer at random for every kind of attribute, and one for the years.

        Args:
            feature_count: Features of a photo.
            names: Targets of every class.
        """
        super().__init__()
        self.layers = torch.nn.ModuleDict()
        for kind, indices in names.attributes.items():
            self.register_buffer(f"of_{kind}", torch.tensor(indices), persistent=False)
            self.layers[kind] = torch.nn.Linear(feature_count, int(indices.max()) + 1)
        if np.isfinite(names.years).any():
            self.register_buffer(f"of_{YEARS}", torch.tensor(names.years), persistent=False)
            self.layers[YEARS] = torch.nn.Linear(feature_count, 1)

    def forward(
        self, features: Tensor, labels: Tensor, other_labels: Tensor, share: Tensor
    ) -> Tensor:
        """Return the mean over kinds; arguments as in `mixed_cross_entropy`.

        A kind's loss is the mean over the photos whose names say it, mixed ones by their shares,
        and over one photo where they are fewer: cross entropy, or smooth L1 (Girshick, Fast R-CNN,
        ICCV 2015, equation 3) for the years.
        """
        both, weights = torch.cat([labels, other_labels]), torch.cat([share, 1 - share])
        losses = [
            _loss_of_kind(kind, layer(features).repeat(2, 1), self.get_buffer(f"of_{kind}")[both])
            for kind, layer in self.layers.items()
        ]
        means = [
            (weights * loss).sum() / (weights * said).sum().clamp(min=1) for loss, said in losses
        ]
        return torch.stack(means).mean() if means else features.new_zeros(())


def _loss_of_kind(kind: str, predicted: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return each photo's loss, 0 where the name does not say the kind, and whether it does."""
    if kind == YEARS:
        said = targets.isfinite()
        loss = smooth_l1_loss(predicted[:, 0], targets.nan_to_num(), reduction="none")
        return loss * said, said
    loss = cross_entropy(predicted, targets, ignore_index=NOT_SAID, reduction="none")
    return loss, targets != NOT_SAID
