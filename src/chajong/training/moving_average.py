"""An exponential moving average of the weights, which is what gets evaluated."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

Weights = dict[str, torch.Tensor]


def trained_weights(model: torch.nn.Module) -> Weights:
    """Collect what training changes: trainable parameters and persistent buffers.

    Returns:
        The tensors themselves, not copies, by name.
    """
    trained = {name for name, part in model.named_parameters() if part.requires_grad}
    # Not all of state_dict: layers in 4 bits put the scales of their frozen weights there too.
    trained |= {name for name, _ in model.named_buffers()}
    return {name: part for name, part in model.state_dict().items() if name in trained}


def load_trained_weights(model: torch.nn.Module, weights: Weights) -> None:
    """Put trained weights into a model that was built anew.

    Raises:
        ValueError: The weights are not those that training changes in this model; nothing was
            changed.
    """
    expected = trained_weights(model)
    differing = differing_weights(expected, weights)
    if differing:
        message = (
            f"The weights do not belong to this model: {differing[0]!r} is not in both or has "
            f"another shape ({len(differing)} such differences). Train the model again, or name "
            "the one that they were saved from."
        )
        raise ValueError(message)
    with torch.no_grad():
        for name, part in expected.items():
            part.copy_(weights[name])


def differing_weights(first: Weights, second: Weights) -> list[str]:
    """Name the weights that are in one set only, or have another shape in the other."""
    return [
        name
        for name in sorted(first.keys() | second.keys())
        if name not in first or name not in second or first[name].shape != second[name].shape
    ]


class MovingAverage:
    """Averages weights over the last steps, with a horizon that grows at the start.

    After step t the average moves to decay · average + (1 - decay) · weights, where decay is the
    smaller of 1 - 1 / horizon and (1 + t) / (10 + t). Source of the warm-up: the documentation of
    tf.train.ExponentialMovingAverage.
    """

    def __init__(self, model: torch.nn.Module, horizon: float) -> None:
        """Start from the model's weights.

        Args:
            model: Its trainable parameters and buffers are averaged.
            horizon: Steps that the average looks back on; below 1 it is the last weights.
        """
        self.weights = {name: part.clone() for name, part in trained_weights(model).items()}
        self._largest_decay = 1 - 1 / max(horizon, 1.0)

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Take in the weights after an optimiser step, counted from 1."""
        decay = min(self._largest_decay, (1 + step) / (10 + step))
        for name, part in trained_weights(model).items():
            if part.is_floating_point():
                self.weights[name].lerp_(part.to(self.weights[name]), 1 - decay)
            else:
                self.weights[name].copy_(part)

    @contextmanager
    def applied(self, model: torch.nn.Module) -> Iterator[None]:
        """Let the model have the averaged weights inside the block."""
        own = {name: part.clone() for name, part in trained_weights(model).items()}
        load_trained_weights(model, self.weights)
        try:
            yield
        finally:
            load_trained_weights(model, own)
