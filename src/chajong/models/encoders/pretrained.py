"""A torch model as an encoder, whichever library built it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chajong.models.encoders.encoder import Preparation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch

    from chajong.models.encoders.parameters import PretrainedParameters


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


class PretrainedEncoder:
    """Runs an image model on the best device there is.

    Photos reach the device as bytes and are normalised there. On a GPU the model runs in bfloat16
    and channels-last; on the CPU in float32 and channels-last.
    """

    def __init__(self, model: ImageModel, parameters: PretrainedParameters) -> None:
        """Move the model to its device.

        Args:
            model: The model, with its own image size and normalisation.
            parameters: What a person chose; it goes before the model's own values.
        """
        import torch

        self.device = best_device()
        self.batch_size = parameters.batch_size
        self.preparation = Preparation(model.height, model.width, parameters.fit, parameters.zoom)
        self._flip = parameters.flip
        mean, std = parameters.mean or model.mean, parameters.std or model.std
        self._scale = (1 / (255 * torch.tensor(std))).to(self.device).view(3, 1, 1)
        self._shift = (torch.tensor(mean) / torch.tensor(std)).to(self.device).view(3, 1, 1)
        network = model.network.eval().requires_grad_(requires_grad=False)
        network = network.to(self.device).to(memory_format=torch.channels_last)
        self._network = torch.compile(network) if parameters.compile else network

    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Encode a batch.

        Args:
            photos: uint8 of shape [photos, zooms, 3, height, width], on the CPU.

        Returns:
            float32 of shape [photos, zooms * features].
        """
        import torch

        with torch.inference_mode(), self._precision():
            pictures = self._normalise(photos.flatten(0, 1))
            features = self._network(pictures).float()
            if self._flip:
                features = (features + self._network(pictures.flip(-1)).float()) / 2
        encoded: np.ndarray = features.reshape(len(photos), -1).cpu().numpy()
        return encoded

    def _normalise(self, photos: torch.Tensor) -> torch.Tensor:
        import torch

        on_device = photos.to(self.device, non_blocking=True)
        normalised = on_device.float() * self._scale - self._shift
        return normalised.contiguous(memory_format=torch.channels_last)

    def _precision(self) -> AbstractContextManager[object]:
        import torch

        if self.device.type == "cpu":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def best_device() -> torch.device:
    """The accelerator of this machine, or its CPU where there is none."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if accelerator is not None else torch.device("cpu")
