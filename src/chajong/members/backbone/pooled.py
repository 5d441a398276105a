"""A trained classifier pooled with a linear discriminant on its own features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from chajong.members.heads.fitted import LinearHead
from chajong.members.heads.prototypes import fit_prototypes
from chajong.members.heads.whitening import within_class_covariance

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.encoders.image_model import ImageModel
    from chajong.members.backbone.backbone import BackboneClassifier
    from chajong.members.backbone.classifier import FusionClassifier

EVIDENCE = ("classifier", "discriminant")
"""What a photo is scored by, in the order of the evidence."""

SHRINKAGE = 0.3
"""Share of the identity in the discriminant's covariance."""

SMALLEST = 1e-12
"""Scores that deviate by less are all the same."""


def fit_discriminant(features: Tensor, labels: Tensor, class_count: int) -> LinearHead:
    """Tell classes apart by the mean features of their photos.

    A softmax that has seen its training photos many times is sure of them; the spread of features
    within classes is not, and says how far a photo is from every class. Where the two differ, their
    pool is better than either (`docs/results.md` has the figures).

    Args:
        features: float32 [photos, dimensions], of the photos that a model was trained on.
        labels: int64 [photos].
        class_count: Number of classes; one without photos scores like the overall mean.

    Returns:
        Scores that deviate by about 1 from class to class.
    """
    covariance = within_class_covariance(features, labels, class_count)
    (head,) = fit_prototypes(features, labels, class_count, covariance, (SHRINKAGE,))
    unit = head.scores(features).std(dim=1).mean().clamp_min(SMALLEST)
    return LinearHead(head.weights / unit, head.intercepts / unit)


class PooledClassifier(torch.nn.Module):
    """One fold's model: a trained classifier, and a discriminant on the same features.

    Attributes:
        classifier: The classifier, with its trained weights.
    """

    weights: Tensor
    intercepts: Tensor
    shares: Tensor

    def __init__(
        self,
        classifier: BackboneClassifier | FusionClassifier,
        discriminant: LinearHead,
        shares: tuple[float, ...],
    ) -> None:
        """Put both together.

        Args:
            classifier: The classifier.
            discriminant: From `fit_discriminant`.
            shares: How much each kind of `EVIDENCE` counts; see `Mixture`.
        """
        super().__init__()
        self.classifier = classifier
        self.register_buffer("weights", discriminant.weights, persistent=False)
        self.register_buffer("intercepts", discriminant.intercepts, persistent=False)
        self.register_buffer("shares", torch.tensor(shares).view(-1, 1), persistent=False)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels that photos are prepared at."""
        return self.classifier.image_size

    @property
    def images(self) -> ImageModel:
        """The network and the photos that it takes."""
        return self.classifier.images

    def evidence(self, photos: Tensor) -> Tensor:
        """Score photos by each kind of evidence.

        Args:
            photos: uint8 [n, 3, height, width].

        Returns:
            float32 [n, kinds * classes], the kinds one after another: log-probabilities, and the
            discriminant's scores.
        """
        return self._evidence_of(self.classifier.features(photos))

    def _evidence_of(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            compared = features @ self.weights.T + self.intercepts
            return torch.cat([self.classifier.judge(features), compared], dim=1)

    def scores(self, photos: Tensor) -> Tensor:
        """Pool the evidence about photos as float32 [n, classes].

        A softmax of the mean over a photo's views gives probabilities.
        """
        return self.scores_of(self.classifier.features(photos))

    def scores_of(self, features: Tensor) -> Tensor:
        """Pool the evidence about features [n, d], as `scores` does."""
        by_kind = self._evidence_of(features).unflatten(1, (len(EVIDENCE), -1))
        pooled: Tensor = (self.shares * by_kind).sum(dim=1)
        return pooled
