"""Half precision, channels-last and ``torch.compile``, each with and without, for one model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.gpu_check.extraction import DRY_PHOTOS, ENCODERS, photos_of_noise
from benchmarks.gpu_check.random_models import random_image_model
from benchmarks.gpu_check.rows import Finding, Items, NoHardware
from benchmarks.gpu_check.timing import forget_peak, median_seconds, peak_memory
from benchmarks.gpu_check.training import step_of_member
from chajong.device import exact_float32
from chajong.encoders.image_model import ImageModel
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.views import ViewAverage, frozen_encoder
from tools.check_presets import members_of

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "ConvNeXt-L at 576"

PRESET = "gpu24"
"""Its backbone is trained compiled too."""


class InFloat32(torch.nn.Module):
    """Runs a network in full precision where its encoder would not."""

    def __init__(self, network: torch.nn.Module) -> None:
        """Take the network."""
        super().__init__()
        self.network = network

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, features]."""
        with torch.autocast(photos.device.type, enabled=False), exact_float32():
            features: torch.Tensor = self.network(photos)
        return features


class ChannelsFirst(torch.nn.Module):
    """Runs a network on channels-first photos where its encoder gives it others."""

    def __init__(self, network: torch.nn.Module) -> None:
        """Take the network."""
        super().__init__()
        self.network = network

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, features]."""
        features: torch.Tensor = self.network(photos.contiguous())
        return features


class Comparison:
    """Encodes the same photos with the same weights in several ways."""

    def __init__(self, parameters: PretrainedParameters, *, dry: bool) -> None:
        """Keep which model; nothing is built yet."""
        self._parameters = parameters
        self._dry = dry
        self._exact: np.ndarray | None = None

    def items(self) -> Items:
        """List the measurements; the later ones are compared with the first."""
        return [
            ("float32", partial(self._encode, InFloat32)),
            ("as encoders run", self._encode),
            ("as encoders run, channels first", partial(self._encode, ChannelsFirst)),
            ("as encoders run, compiled", partial(self._encode, compiled=True)),
        ]

    def _encode(
        self,
        wrapper: Callable[[torch.nn.Module], torch.nn.Module] | None = None,
        *,
        compiled: bool = False,
    ) -> Finding:
        encoder = self._encoder(wrapper, compiled=compiled)
        photos = DRY_PHOTOS if self._dry else self._parameters.batch_size
        batch = photos_of_noise(encoder.preparation, photos)
        features = encoder.encode(batch)
        forget_peak()
        seconds = median_seconds(lambda: encoder.encode(batch))
        figures = {"photos_per_second": photos / seconds, **peak_memory()}
        return Finding(figures | self._difference(features, wrapper), MODEL)

    def _encoder(
        self, wrapper: Callable[[torch.nn.Module], torch.nn.Module] | None, *, compiled: bool
    ) -> ViewAverage:
        model = random_image_model(self._parameters, dry=self._dry)
        network = wrapper(model.network) if wrapper else model.network
        wrapped = ImageModel(network, *model.image_size, model.mean, model.std)
        settings = self._parameters.model_copy(update={"compile": compiled})
        encoder = frozen_encoder(wrapped, settings)
        if wrapper is ChannelsFirst:
            model.network.to(memory_format=torch.contiguous_format)  # the encoder has turned it
        return encoder

    def _difference(
        self, features: np.ndarray, wrapper: Callable[[torch.nn.Module], torch.nn.Module] | None
    ) -> dict[str, float]:
        """Compare with float32: the largest difference, as a share of the largest feature."""
        if wrapper is InFloat32:
            self._exact = features
        if self._exact is None:
            raise NoHardware("there are no features in float32 to compare with")
        largest = np.abs(self._exact).max()
        return {"largest_difference": float(np.abs(features - self._exact).max() / largest)}


def items(*, dry: bool) -> Items:
    """List the measurements."""
    parameters = ENCODERS[MODEL]
    assert isinstance(parameters, PretrainedParameters)
    backbone = members_of(PRESET)["backbone"]
    compiled_step = partial(step_of_member, PRESET, backbone, dry=dry, compiled=True)
    return [
        *Comparison(parameters, dry=dry).items(),
        (f"{PRESET}: backbone, compiled", compiled_step),
    ]


def estimates(*, dry: bool) -> Items:
    """Nothing is reckoned beforehand."""
    return []
