"""A trained model's answer for a photo, averaged over views of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.models.encoders.extraction import encode_photos
from chajong.models.encoders.pretrained import best_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from chajong.models.encoders.encoder import Preparation
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
    ) -> None:
        """Keep what is asked of the model.

        Args:
            answer: From photos uint8 [n, 3, height, width] on the device to float [n, answers].
            preparation: The views, one for each zoom.
            flip: Whether mirror images are views too.
            batch_size: Photos a batch.
        """
        self._answer = answer
        self.preparation = preparation
        self.batch_size = batch_size
        self._flip = flip
        self._device = best_device()

    @torch.inference_mode()
    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Average over views.

        Args:
            photos: uint8 of shape [photos, zooms, 3, height, width], on the CPU.

        Returns:
            float32 of shape [photos, answers].
        """
        views = photos.flatten(0, 1).to(self._device, non_blocking=True)
        with self._precision():
            answers = self._answer(views).float()
            if self._flip:
                answers = (answers + self._answer(views.flip(-1)).float()) / 2
        averaged: np.ndarray = answers.unflatten(0, photos.shape[:2]).mean(1).cpu().numpy()
        return averaged

    def _precision(self) -> AbstractContextManager[object]:
        if self._device.type == "cpu":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)


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
