"""A trained model's answer for a photo, averaged over views of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from chajong.models.encoders.encoder import Preparation
from chajong.models.encoders.extraction import encode_photos
from chajong.models.encoders.pretrained import best_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from chajong.photos.store import PhotoStore


class ViewAverage:
    """Averages what a model says about zooms and mirror images of a photo; an `Encoder`."""

    def __init__(
        self,
        answer: Callable[[torch.Tensor], torch.Tensor],
        preparation: Preparation,
        *,
        flip: bool,
        batch_size: int,
        join: bool = False,
    ) -> None:
        """Keep what is asked of the model.

        Args:
            answer: From photos uint8 [n, 3, height, width] on the device to float [n, answers].
            preparation: The views, one for each zoom.
            flip: Whether mirror images are views too.
            batch_size: Photos a batch.
            join: Whether answers to the zooms are set side by side instead of averaged.
        """
        self._join = join
        self._answer = answer
        self.preparation = preparation
        self.batch_size = batch_size
        self._flip = flip
        self._device = best_device()

    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Average over views, in bfloat16 on a GPU.

        Args:
            photos: uint8 of shape [photos, zooms, 3, height, width], on the CPU.

        Returns:
            float32 of shape [photos, answers], or [photos, zooms * answers] where they are joined.
        """
        with self._precision():
            return self._average(photos)

    def encode_exactly(self, photos: torch.Tensor) -> np.ndarray:
        """Average over views in float32, so that another machine gives the same answers."""
        with torch.backends.cudnn.flags(allow_tf32=False):
            return self._average(photos)

    @torch.inference_mode()
    def _average(self, photos: torch.Tensor) -> np.ndarray:
        views = photos.flatten(0, 1).to(self._device, non_blocking=True)
        answers = self._answer(views).float()
        if self._flip:
            answers = (answers + self._answer(views.flip(-1)).float()) / 2
        by_zoom = answers.unflatten(0, photos.shape[:2])
        joined = by_zoom.flatten(1) if self._join else by_zoom.mean(1)
        answered: np.ndarray = joined.cpu().numpy()
        return answered

    def _precision(self) -> AbstractContextManager[object]:
        if self._device.type == "cpu":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)


class ViewParameters(Protocol):
    """The part of a model's parameters that says which views of a photo it is asked about."""

    @property
    def flip(self) -> bool:
        """Whether mirror images are views too."""

    @property
    def zoom(self) -> tuple[float, ...]:
        """Centre zooms."""

    @property
    def batch_size(self) -> int:
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
        batch_size=parameters.batch_size,
        join=join,
    )


def log_probability_views(model: Any, parameters: ViewParameters) -> ViewAverage:
    """Wrap a `PhotoClassifier` so that it gives log-probabilities, averaged over views."""
    return views_of(model, parameters, model.log_probabilities)


def answers(
    contents: Sequence[str], store: PhotoStore, views: ViewAverage, title: str
) -> np.ndarray:
    """Ask about many photos, with a progress bar.

    Args:
        contents: sha-256 of each photo, repeated where photos are identical.
        store: The photos.
        views: What is asked.
        title: What the progress bar calls the work.

    Returns:
        float32 of shape [photos, answers].
    """
    from tqdm import tqdm

    parts = []
    with tqdm(total=len(contents), desc=title, unit=" photos", smoothing=0.05) as progress:
        for part in encode_photos(contents, store, views):
            parts.append(part)
            progress.update(len(part))
    return np.concatenate(parts)
