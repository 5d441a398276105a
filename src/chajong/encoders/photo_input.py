"""Photos as bytes to what a network takes."""

from __future__ import annotations

import torch


class PhotoInput(torch.nn.Module):
    """Normalises photos on the device that they have reached as bytes."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Keep the normalisation; it is no part of the weights.

        Args:
            mean: Channel means on a scale of 0 to 1.
            std: Channel standard deviations on a scale of 0 to 1.
        """
        super().__init__()
        centre, spread = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
        self.register_buffer("scale", 1 / (255 * spread), persistent=False)
        self.register_buffer("shift", centre / spread, persistent=False)

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 [n, 3, height, width] to float32, channels last in memory."""
        normalised = photos.float() * self.scale - self.shift
        return normalised.contiguous(memory_format=torch.channels_last)
