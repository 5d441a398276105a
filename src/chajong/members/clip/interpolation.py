"""Weights between the starting ones and the trained ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.training.moving_average import (
    differing_weights,
    load_trained_weights,
    trained_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor
    from torch.nn import Module

    from chajong.training.moving_average import Weights


def interpolate(
    start: dict[str, Tensor], trained: dict[str, Tensor], alpha: float
) -> dict[str, Tensor]:
    """Average two sets of weights of one model.

    Source: Wortsman et al., Robust fine-tuning of zero-shot models (CVPR 2022), equation 1.

    Args:
        start: Weights by name before training.
        trained: Weights by name after training.
        alpha: α of WiSE-FT, the share of the trained weights; 1 gives them exactly.

    Returns:
        (1 - α) · start + α · trained for floating-point tensors; counters and other whole
        numbers are the trained ones. Of a low-rank change α times the change is taken.

    Raises:
        ValueError: A name or a shape differs between the two.
    """
    differing = differing_weights(start, trained)
    if differing:
        message = (
            f"Weights of different models cannot be averaged: {differing[0]} is not in both, or "
            "has another shape. Interpolate from the model that training started from."
        )
        raise ValueError(message)
    return {
        name: tensor if _kept(name, tensor) else start[name].lerp(tensor.to(start[name]), alpha)
        for name, tensor in trained.items()
    }


def loading_of(configuration: Mapping[str, Any]) -> Callable[[Module, Weights], None]:
    """Say how the weights of a checkpoint are put into a model with its starting weights."""
    interpolated = configuration.get("interpolated", True)
    alpha: float = 1.0 if interpolated else configuration["wise_ft_alpha"]

    def load(model: Module, weights: Weights) -> None:
        load_trained_weights(model, interpolate(trained_weights(model), weights, alpha))

    return load


def _kept(name: str, tensor: Tensor) -> bool:
    """Tell what is taken as trained: counters, and one factor of every low-rank change B · A.

    B starts at zero, so that the share of B alone is the share of the change.
    """
    return not tensor.is_floating_point() or "lora_A" in name
