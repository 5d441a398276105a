"""A torch model as an encoder, whichever library built it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from chajong.device import best_device
from chajong.encoders.encoder import Preparation
from chajong.encoders.photo_input import PhotoInput
from chajong.encoders.views import ViewAverage

if TYPE_CHECKING:
    from chajong.encoders.parameters import PretrainedParameters


@dataclass(frozen=True)
class ImageModel:
    """A model as a library gives it.

    Attributes:
        network: Takes normalised photos [n, 3, height, width], gives features [n, features].
        height: Height of its input in pixels.
        width: Width of its input in pixels.
        mean: Channel means on a scale of 0 to 1.
        std: Channel standard deviations on a scale of 0 to 1.
    """

    network: torch.nn.Module
    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class PretrainedEncoder(ViewAverage):
    """A frozen image model on the best device there is; the features of zooms are joined."""

    def __init__(
        self, model: ImageModel, parameters: PretrainedParameters, *, wide_range: bool = False
    ) -> None:
        """Move the model to its device.

        Args:
            model: The model, with its own image size and normalisation.
            parameters: What a person chose; it goes before the model's own values.
            wide_range: As for `chajong.device.best_precision`.
        """
        network = model.network.eval().requires_grad_(requires_grad=False)
        network = network.to(best_device()).to(memory_format=torch.channels_last)
        run: Any = torch.compile(network) if parameters.compile else network
        super().__init__(
            torch.nn.Sequential(photo_input(model, parameters).to(best_device()), run),
            Preparation(model.height, model.width, parameters.fit, parameters.zoom),
            flip=parameters.flip,
            batch_size=parameters.batch_size,
            join=True,
            wide_range=wide_range,
        )


def photo_input(model: ImageModel, parameters: PretrainedParameters) -> PhotoInput:
    """Normalise photos as a person chose, or else as the model was trained."""
    return PhotoInput(parameters.mean or model.mean, parameters.std or model.std)
