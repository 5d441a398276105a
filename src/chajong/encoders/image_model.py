"""A network and the photos that it takes, whichever library built it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    Compute = Callable[["ImageModel", torch.Tensor], torch.Tensor]
    """From a model and its photos, uint8 [n, 3, height, width], to features [n, d]."""

Channels = tuple[float, float, float]


class ImageModel(torch.nn.Module):
    """A network that photos reach as bytes, and that normalises them on its own device.

    Attributes:
        network: Takes normalised photos [n, 3, height, width].
        height: Height of its photos in pixels.
        width: Width of its photos in pixels.
        mean: Channel means on a scale of 0 to 1.
        std: Channel standard deviations on a scale of 0 to 1.
        compute: What computes the features; torch, if nobody says otherwise.
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self, network: torch.nn.Module, height: int, width: int, mean: Channels, std: Channels
    ) -> None:
        """Keep the network; the normalisation is no part of its weights."""
        super().__init__()
        self.network: Any = network
        self.height, self.width = height, width
        self.mean, self.std = mean, std
        self.compute: Compute = ImageModel.by_torch
        centre, spread = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
        self.register_buffer("scale", 1 / (255 * spread), persistent=False)
        self.register_buffer("shift", centre / spread, persistent=False)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels that photos are prepared at."""
        return self.height, self.width

    def normalising_by(self, mean: Channels | None, std: Channels | None) -> ImageModel:
        """Give the same network with the normalisation that a person chose, if one did."""
        mean, std = mean or self.mean, std or self.std
        return ImageModel(self.network, self.height, self.width, mean, std)

    def features(self, photos: torch.Tensor) -> torch.Tensor:
        """Turn photos, uint8 [n, 3, height, width], into features [n, d]."""
        return self.compute(self, photos)

    def by_torch(self, photos: torch.Tensor) -> torch.Tensor:
        """Compute features as `features` says, by torch; a trace can follow it."""
        return self.encode_photos(self.normalised(photos))

    def normalised(self, photos: torch.Tensor) -> torch.Tensor:
        """Normalise photos, uint8 [n, 3, height, width], as float32, channels last in memory."""
        normalised = photos.float() * self.scale - self.shift
        return normalised.contiguous(memory_format=torch.channels_last)

    def encode_photos(self, normalised: torch.Tensor) -> torch.Tensor:
        """Turn normalised photos, float32 [n, 3, height, width], into features [n, d]."""
        encoded: torch.Tensor = self.network(normalised)
        return encoded
