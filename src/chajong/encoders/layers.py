"""Several layers of one network as the features of a photo."""

from __future__ import annotations

from typing import Any

import torch


class JoinedLayers(torch.nn.Module):
    """A timm network that joins the means of its last stages to its pooled features.

    What tells look-alikes apart is a detail that the last layer, trained for other classes, may
    have dropped, and the layers before it still have.
    """

    def __init__(self, network: Any, stages: int) -> None:
        """Keep a network without its classifier, and how many of its last stages are joined."""
        super().__init__()
        self.network = network
        self.stages = stages

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Turn normalised photos [n, 3, height, width] into features [n, sum of widths]."""
        last, maps = self.network.forward_intermediates(photos, indices=self.stages)
        pooled = self.network.forward_head(last)
        return join_evenly([pooled, *(stage.mean((2, 3)) for stage in reversed(maps))])


def join_evenly(layers: list[torch.Tensor]) -> torch.Tensor:
    """Set layers side by side, each with the same sum of absolute values, whose mean is 1 in all.

    So all layers have the same length after the heads' signed square root, however wide they are.

    Args:
        layers: float [photos, width], one a layer.

    Returns:
        float [photos, sum of widths].
    """
    share = sum(layer.shape[1] for layer in layers) / len(layers)
    tiny = torch.finfo(torch.float32).tiny
    sums = [layer.float().abs().sum(1, keepdim=True).clamp_min(tiny) for layer in layers]
    return torch.cat([share * layer / total for layer, total in zip(layers, sums, strict=True)], 1)
