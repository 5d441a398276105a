"""What every encoder can do, and how a photo is prepared for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

    from chajong.photos.resizing import Fit


class EncoderError(ValueError):
    """An encoder that cannot be built; the message names the model, the file and the fix."""


@dataclass(frozen=True)
class Preparation:
    """How a photo becomes an encoder's input.

    Attributes:
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        fit: How a photo of another shape becomes this one.
        zoom: Centre zooms, each of which makes one picture.
    """

    height: int
    width: int
    fit: Fit = "squash"
    zoom: tuple[float, ...] = (1.0,)


class Encoder(Protocol):
    """Turns prepared photos into features."""

    preparation: Preparation
    batch_size: int

    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Encode a batch.

        Args:
            photos: uint8 of shape [photos, zooms, 3, height, width], on the CPU.

        Returns:
            float32 of shape [photos, features].
        """
