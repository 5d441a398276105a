"""What a model says about a photo, over zooms and mirror images of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.device import best_device, best_precision, exact_float32, mixed_precision
from chajong.encoders.backends import choose_backend
from chajong.encoders.encoder import EncoderError
from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.encoders.image_model import ImageModel
    from chajong.encoders.parameters import PretrainedParameters


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
        on_cpu: np.ndarray = self.answers(photos.to(self._device, non_blocking=True)).cpu().numpy()
        return on_cpu

    def answers(self, photos: torch.Tensor) -> torch.Tensor:
        """Ask about photos that are on the model's device already; a trace can follow it.

        Args:
            photos: uint8 [photos, zooms, 3, height, width].

        Returns:
            float32 as `encode` gives them.
        """
        views = photos.flatten(0, 1)
        answers = self._answer(views).float()
        if self._flip:
            answers = (answers + self._answer(views.flip(-1)).float()) / 2
        by_zoom = answers.reshape(-1, photos.shape[1], answers.shape[1])
        return by_zoom.flatten(1) if self._join else by_zoom.mean(1)


def frozen_encoder(
    model: ImageModel, parameters: PretrainedParameters, *, wide_range: bool = False
) -> ViewAverage:
    """Move a model to the best device there is, to give features that are joined over zooms.

    Args:
        model: The model.
        parameters: Which views of a photo; its normalisation is part of the model.
        wide_range: As for `chajong.device.best_precision`.
    """
    model = model.eval().requires_grad_(requires_grad=False)
    model = model.to(best_device()).to(memory_format=torch.channels_last)
    if parameters.compile:
        model.network.compile()
    choose_backend(model, parameters.backend)
    return features_over_views(model, parameters, wide_range=wide_range)


def features_over_views(
    model: ImageModel, parameters: PretrainedParameters, *, wide_range: bool = False
) -> ViewAverage:
    """Ask a model where it is for features, joined over zooms; see `frozen_encoder`."""
    return ViewAverage(
        model.features,
        Preparation(*model.image_size, parameters.fit, parameters.zoom),
        flip=parameters.flip,
        batch_size=parameters.batch_size,
        join=True,
        wide_range=wide_range,
    )
