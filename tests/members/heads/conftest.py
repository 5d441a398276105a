"""Small clouds of photos around one mean a class, along directions of unequal spread."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Cloud = Callable[..., tuple[Tensor, Tensor]]


@pytest.fixture
def cloud() -> Cloud:
    """Return a maker of features [photos, dimensions] and labels [photos], every class present."""

    def make(
        photos: int = 90, dimensions: int = 6, classes: int = 4, seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        means = torch.randn(classes, dimensions, generator=generator)
        spread = torch.linspace(0.3, 1.5, dimensions)
        labels = torch.arange(photos) % classes
        noise = torch.randn(photos, dimensions, generator=generator)
        return means[labels] + spread * noise + 2.0, labels

    return make
