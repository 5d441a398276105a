"""A trained model's answer for a photo, averaged over views of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from chajong.encoders.views import ViewAverage
from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


class ViewParameters(Protocol):
    """The part of a model's parameters that says which views of a photo it is asked about."""

    @property
    def flip(self) -> bool:
        """Whether mirror images are views too."""

    @property
    def zoom(self) -> tuple[float, ...]:
        """Centre zooms."""

    @property
    def prediction_batch_size(self) -> int:
        """Photos a batch."""


def views_of(
    model: Any,
    parameters: ViewParameters,
    answer: Callable[[torch.Tensor], torch.Tensor],
    *,
    join: bool = False,
) -> ViewAverage:
    """Wrap what a model answers so that it is averaged over views.

    Args:
        model: A `PhotoClassifier`.
        parameters: Which views.
        answer: One of the model's methods, as `ViewAverage` takes it.
        join: Whether answers to the zooms are set side by side instead of averaged.
    """
    height, width = model.image_size
    return ViewAverage(
        answer,
        Preparation(height, width, zoom=parameters.zoom),
        flip=parameters.flip,
        batch_size=parameters.prediction_batch_size,
        join=join,
    )


def log_probability_views(model: Any, parameters: ViewParameters) -> ViewAverage:
    """Wrap a `PhotoClassifier` so that it gives log-probabilities, averaged over views."""
    return views_of(model, parameters, model.log_probabilities)
