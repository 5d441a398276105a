"""What a model says about a photo, over zooms and mirror images of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.device import best_device, best_precision, exact_float32, mixed_precision
from chajong.encoders.encoder import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.encoders.encoder import Preparation


class ViewAverage:
    """Averages what a model says about zooms and mirror images of a photo; an `Encoder`.

    Photos reach the device as bytes.
    """

    def __init__(
        self,
        answer: Callable[[torch.Tensor], torch.Tensor],
        preparation: Preparation,
        *,
        flip: bool,
        batch_size: int,
        join: bool = False,
        wide_range: bool = False,
    ) -> None:
        """Keep what is asked of the model.

        Args:
            answer: From photos uint8 [n, 3, height, width] on the device to float [n, answers].
            preparation: The views, one for each zoom.
            flip: Whether mirror images are views too.
            batch_size: Photos a batch.
            join: Whether answers to the zooms are set side by side instead of averaged.
            wide_range: As for `chajong.device.best_precision`.
        """
        self.preparation = preparation
        self.batch_size = batch_size
        self._answer = answer
        self._flip = flip
        self._join = join
        self._device = best_device()
        self._precision = best_precision(wide_range=wide_range)

    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Ask about views, in the best device's precision.

        Args:
            photos: uint8 of shape [photos, zooms, 3, height, width], on the CPU.

        Returns:
            float32 of shape [photos, answers], or [photos, zooms * answers] where they are joined.

        Raises:
            EncoderError: An answer overflows in float16.
        """
        with mixed_precision(self._precision):
            answers = self._ask(photos)
        if self._precision == torch.float16 and not np.isfinite(answers).all():
            message = (
                "The model's answers overflow in float16, in which this GPU computes because it "
                "has no bfloat16. Use a GPU with bfloat16 (compute capability 8.0 or more), hide "
                "this one (`CUDA_VISIBLE_DEVICES=`) to compute on the CPU, or choose another model."
            )
            raise EncoderError(message)
        return answers

    def encode_exactly(self, photos: torch.Tensor) -> np.ndarray:
        """Ask about views in float32, so that another machine gives the same answers."""
        with exact_float32():
            return self._ask(photos)

    @torch.inference_mode()
    def _ask(self, photos: torch.Tensor) -> np.ndarray:
        on_device = photos.to(self._device, non_blocking=True)
        answers = answer_over_views(self._answer, on_device, flip=self._flip, join=self._join)
        on_cpu: np.ndarray = answers.cpu().numpy()
        return on_cpu


def answer_over_views(
    answer: Callable[[torch.Tensor], torch.Tensor],
    photos: torch.Tensor,
    *,
    flip: bool,
    join: bool,
) -> torch.Tensor:
    """Ask a model about every view, and average or join its answers; a trace can follow it.

    Args:
        answer: From photos uint8 [n, 3, height, width] to float [n, answers].
        photos: uint8 [photos, zooms, 3, height, width].
        flip: Whether mirror images are views too.
        join: Whether answers to the zooms are set side by side instead of averaged.

    Returns:
        float32 [photos, answers], or [photos, zooms * answers] where they are joined.
    """
    views = photos.flatten(0, 1)
    answers = answer(views).float()
    if flip:
        answers = (answers + answer(views.flip(-1)).float()) / 2
    by_zoom = answers.reshape(-1, photos.shape[1], answers.shape[1])
    return by_zoom.flatten(1) if join else by_zoom.mean(1)
