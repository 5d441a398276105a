"""The classifier that knows the names of the classes.

A photo to be classified has no name, so names enter on the label's side only: every photo is scored
against the names of all classes, and auxiliary losses ask for the label's name from the photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from chajong.encoders.weights import fit_weights
from chajong.members.backbone.auxiliary import AttributeLoss, NameEmbeddingLoss
from chajong.members.backbone.backbone import BackboneClassifier, build_backbone
from chajong.members.backbone.scoring import scoring_of
from chajong.training.losses import mixed_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.encoders.image_model import ImageModel
    from chajong.members.backbone.names import NameTargets
    from chajong.members.backbone.parameters import FusionParameters


class FusionClassifier(torch.nn.Module):
    """Scores photos by a backbone and the names of the classes; a `PhotoClassifier`.

    Attributes:
        backbone: The plain classifier, whose linear layer holds every class's visual weights.
        scores: What makes logits of features, the linear layer and the names.
        auxiliary: Losses of training only, by name.
        auxiliary_weights: How much each of them counts.
    """

    def __init__(
        self, backbone: BackboneClassifier, names: NameTargets, parameters: FusionParameters
    ) -> None:
        """Initialise everything beside the backbone at random.

        Args:
            backbone: The plain classifier of the same classes.
            names: The classes' names.
            parameters: Where names enter and how much the auxiliary losses count.
        """
        super().__init__()
        count = backbone.head.in_features
        self.backbone = backbone
        self.scores = scoring_of(parameters.mode, count, torch.tensor(names.embeddings))
        self.auxiliary_weights = {
            "name": parameters.name_loss,
            "attribute": parameters.attribute_loss,
        }
        # A loss without weight has no layers: they would be parameters that never see a gradient.
        self.auxiliary = torch.nn.ModuleDict()
        if parameters.name_loss:
            self.auxiliary["name"] = NameEmbeddingLoss(count, names)
        if parameters.attribute_loss:
            self.auxiliary["attribute"] = AttributeLoss(count, names)
        if parameters.mode == "weighted":  # cosines leave no room for the linear layer's bias
            backbone.head.bias.requires_grad = False

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels that photos are prepared at."""
        return self.backbone.image_size

    def forward(
        self, photos: Tensor, labels: Tensor, other_labels: Tensor, share: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of a batch, as `PhotoClassifier` says; auxiliary losses in training."""
        features = self.features(photos)
        logits = self._logits(features)
        loss = mixed_cross_entropy(logits, labels, other_labels, share)
        if self.training:
            for name, auxiliary in self.auxiliary.items():
                weight = self.auxiliary_weights[name]
                loss = loss + weight * auxiliary(features, labels, other_labels, share)
        return {"loss": loss}

    @property
    def images(self) -> ImageModel:
        """The network and the photos that it takes."""
        return self.backbone

    def features(self, photos: Tensor) -> Tensor:
        """Turn photos, uint8 [n, 3, height, width], into features [n, d]."""
        return self.backbone.features(photos)

    def log_probabilities(self, photos: Tensor) -> Tensor:
        """Score photos, uint8 [n, 3, height, width], as float32 [n, classes]."""
        return self.judge(self.features(photos))

    def judge(self, features: Tensor) -> Tensor:
        """Score features [n, d] as log-probabilities [n, classes]."""
        return torch.log_softmax(self._logits(features), dim=1)

    def _logits(self, features: Tensor) -> Tensor:
        """Score features outside of autocast, as `BackboneClassifier` does."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.scores(features.float(), self.backbone.head)
        return logits

    def layer_depths(self) -> dict[str, int | None]:
        """Say how far every trainable parameter is from the input.

        Returns:
            The backbone's own depths; None for everything that knows names.
        """
        depths = {f"backbone.{name}": at for name, at in self.backbone.layer_depths().items()}
        return {
            name: depths.get(name)
            for name, parameter in self.named_parameters()
            if parameter.requires_grad
        }

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute the backbone's activations twice instead of keeping them, or stop doing so.

        Raises:
            EncoderError: The timm model cannot do it.
        """
        self.backbone.set_gradient_checkpointing(enabled)


def build_fusion(parameters: FusionParameters, names: NameTargets) -> FusionClassifier:
    """Build the classifier that knows names; the same parameters give the same weights.

    Args:
        parameters: The backbone, and where names enter.
        names: Targets of every effective class.

    Returns:
        The classifier, on the CPU, in training mode.

    Raises:
        EncoderError: The model is unknown, or the weights are absent or do not fit.
    """
    backbone = build_backbone(parameters, len(names.embeddings))
    return FusionClassifier(backbone, names, parameters).train()


def start_from_backbone(fusion: FusionClassifier, backbone_state: dict[str, Tensor]) -> None:
    """Let a classifier start from the weights of a trained `BackboneClassifier`.

    Before any training, modes ``none`` and ``concatenation`` then give the backbone's logits.
    ``weighted`` starts from the same features and from the same direction of every class's visual
    weights, but leaves out their lengths and biases and adds the names' likeness.

    Args:
        fusion: The classifier, changed in place.
        backbone_state: The trained classifier's `state_dict`.

    Raises:
        EncoderError: The weights are of another network or of another number of classes.
    """
    model = fusion.backbone.network.pretrained_cfg["architecture"]
    source = f"The trained backbone and the fusion's backbone {model!r}"
    fit_weights(fusion.backbone, backbone_state, source)
    fusion.backbone.random_initialisation = False
