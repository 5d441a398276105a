"""What every encoder can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chajong.slip import SlipError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from chajong.photos.resizing import Preparation


class EncoderError(SlipError, ValueError):
    """An encoder that cannot be built; the message names the model, the file and the fix."""


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
