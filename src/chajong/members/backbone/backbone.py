"""The plain classifier: a timm network and a linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.members.backbone.network import load_network
from chajong.training.losses import mixed_cross_entropy

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from chajong.members.backbone.parameters import BackboneParameters


class BackboneClassifier(ImageModel):
    """Scores photos by a timm network and one linear layer; a `PhotoClassifier`.

    Attributes:
        head: Features to one logit a class.
        frozen_norms: Batch norms that keep their statistics and affine weights.
        random_initialisation: Whether the network was initialised at random.
    """

    def __init__(
        self,
        model: ImageModel,
        class_count: int,
        *,
        freeze_batch_norm: bool,
        frozen_stages: int = 0,
        random_initialisation: bool = False,
    ) -> None:
        """Put a randomly initialised linear layer on a network.

        Args:
            model: The network, with its image size and normalisation.
            class_count: Number of effective classes.
            freeze_batch_norm: Whether batch norms stay as they are.
            frozen_stages: Stages of the network that stay as they are, from the input on.
            random_initialisation: Whether the network is initialised at random too.

        Raises:
            EncoderError: The network has no more stages than are to be frozen.
        """
        super().__init__(model.network, *model.image_size, model.mean, model.std)
        self.head = torch.nn.Linear(self.network.head_hidden_size, class_count)
        self.network.to(memory_format=torch.channels_last)  # as its photos come
        self.random_initialisation = random_initialisation
        frozen = _parameters_of_stages(self.network, frozen_stages)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(name not in frozen)
        self.frozen_norms = {
            name
            for name, norm in self.network.named_modules()
            if isinstance(norm, _BatchNorm) and (freeze_batch_norm or f"{name}.weight" in frozen)
        }
        for name in self.frozen_norms:
            self.network.get_submodule(name).requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> Self:
        """Switch training on or off; frozen batch norms never train."""
        super().train(mode)
        for name in self.frozen_norms:
            self.network.get_submodule(name).eval()
        return self

    def forward(
        self, photos: Tensor, labels: Tensor, other_labels: Tensor, share: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of a batch, as `PhotoClassifier` says."""
        logits = self._logits(self.features(photos))
        return {"loss": mixed_cross_entropy(logits, labels, other_labels, share)}

    @property
    def images(self) -> ImageModel:
        """The network and the photos that it takes: the classifier itself."""
        return self

    def log_probabilities(self, photos: Tensor) -> Tensor:
        """Score photos, uint8 [n, 3, height, width], as float32 [n, classes]."""
        return self.judge(self.features(photos))

    def judge(self, features: Tensor) -> Tensor:
        """Score features [n, d] as log-probabilities [n, classes]."""
        return torch.log_softmax(self._logits(features), dim=1)

    def _logits(self, features: Tensor) -> Tensor:
        """Score features before they are normalised.

        Half precision, which autocast may ask for, would round logits above 16 to eighths.
        """
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.head(features.float())
        return logits

    def layer_depths(self) -> dict[str, int | None]:
        """Say how far every trainable parameter is from the input, by timm's own grouping.

        Returns:
            0 for the network's first layer, more for later ones, None for the linear layer, and
            for all layers where the network is initialised at random.
        """
        if self.random_initialisation:
            return {name: None for name, part in self.named_parameters() if part.requires_grad}
        depths = _network_depths(self.network)
        return {
            name: depths[name.removeprefix("network.")] if name.startswith("network.") else None
            for name, parameter in self.named_parameters()
            if parameter.requires_grad
        }

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so.

        Raises:
            EncoderError: The timm model cannot do it.
        """
        try:
            self.network.set_grad_checkpointing(enabled)
        except (AttributeError, AssertionError) as error:
            message = (
                f"timm's {self.network.pretrained_cfg['architecture']!r} cannot compute "
                "activations twice. Set `gradient_checkpointing` to false, or change the "
                "backbone's `model`."
            )
            raise EncoderError(message) from error


def build_backbone(parameters: BackboneParameters, class_count: int) -> BackboneClassifier:
    """Build the plain classifier; the same parameters give the same weights.

    Args:
        parameters: The network and its weights.
        class_count: Number of effective classes.

    Returns:
        The classifier, on the CPU, in training mode.

    Raises:
        EncoderError: The model is unknown, or the weights are absent or do not fit.
    """
    # Loading a network seeds torch, so the linear layer is drawn from the same seed.
    model = load_network(parameters)
    classifier = BackboneClassifier(
        model,
        class_count,
        freeze_batch_norm=parameters.freeze_batch_norm,
        frozen_stages=parameters.frozen_stages,
        random_initialisation=parameters.weights == "random",
    )
    return classifier.train()


def _parameters_of_stages(network: Any, count: int) -> set[str]:
    """Name the parameters of a network's first stages: the stem, then block by block."""
    if not count:
        return set()
    stages = _network_depths(network, by_stage=True)
    if count > max(stages.values()):
        message = (
            f"timm's {network.pretrained_cfg['architecture']!r} has {max(stages.values()) + 1} "
            f"stages, the stem among them, and at least one must be trained: set `frozen_stages` "
            f"to at most {max(stages.values())}, not {count}."
        )
        raise EncoderError(message)
    return {name for name, stage in stages.items() if stage < count}


def _network_depths(network: Any, *, by_stage: bool = False) -> dict[str, int]:
    from timm.models import group_parameters
    from timm.optim import auto_group_layers

    # As timm's own optimisers do; a few models do not say how their layers follow one another.
    depths: dict[str, int] = (
        group_parameters(network, network.group_matcher(coarse=by_stage), reverse=True)
        if hasattr(network, "group_matcher")
        else auto_group_layers(network)
    )
    return depths
