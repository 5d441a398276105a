"""What computes an image model's features on a CPU: torch, or OpenVINO where that is faster.

The choice is no part of the key that features are kept under. Both multiply float32 numbers, in
another order: features differ by some 1e-6 of the largest, as they do between numbers of threads
and sizes of batches, and they are kept as float16, whose last place is 1e-3. What differs from
torch by more than `AGREEMENT` is never used.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from chajong.device import best_device
from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    import openvino

    from chajong.encoders.image_model import Compute
    from chajong.encoders.parameters import Backend

logger = logging.getLogger(__name__)

AGREEMENT = 1e-4
"""Largest difference from torch's features, as a share of the largest feature."""

PATIENCE = 1.0
"""Seconds of torch's work after which OpenVINO is tried: about what the trial itself takes."""

CONVERSION = 0.25
"""The same where an earlier trial of such a model was won by OpenVINO, which is only converted."""

STRIDE = 37
"""Brightness from one pixel to the next of made-up photos, modulo 256: neither flat nor drawn."""

TRIAL_PHOTOS = 32
"""Photos that a trial compares at most: more of them make a model no faster on either side."""

ROUNDS = 2
"""How often each side of a trial computes; the quicker time counts."""


def choose_backend(model: ImageModel, backend: Backend) -> None:
    """Let a model's features be computed by what a person chose, or by what turns out faster.

    Args:
        model: The model with its final weights, on the best device there is.
        backend: As in `PretrainedParameters`.

    Raises:
        EncoderError: OpenVINO is asked for, and it is not installed, does not compute where the
            model is, cannot convert the model, or gives other features than torch.
    """
    on_cpu = best_device().type == "cpu"
    if backend == "openvino":
        if not on_cpu:
            raise EncoderError(
                "OpenVINO computes on the CPU, and this machine has an accelerator: set the "
                "encoder's `backend` to auto."
            )
        model.compute = agreeing_openvino(model, _two_photos(model))
    elif backend == "auto" and on_cpu and find_spec("openvino"):
        model.compute = Trial()


def choose_backends(models: Iterable[torch.nn.Module]) -> None:
    """Let every image model in some models be computed by what turns out faster."""
    for model in models:
        for part in model.modules():
            if isinstance(part, ImageModel):
                choose_backend(part, "auto")


@contextmanager
def backends_chosen(model: torch.nn.Module) -> Iterator[None]:
    """Let a model be computed by what turns out faster inside the block, and by torch after it."""
    choose_backends([model])
    try:
        yield
    finally:
        for part in model.modules():
            if isinstance(part, ImageModel):
                part.compute = ImageModel.by_torch


_WON_BY_OPENVINO: dict[Hashable, bool] = {}
"""How trials in this process ended, by what a model is."""


class Trial:
    """Features by torch, and by OpenVINO once there is so much work that trying it pays.

    So a trial at most doubles the time of any work, and little work is never slowed down. How it
    ended is remembered for other models of the same layers, such as those of other folds.
    """

    def __init__(self) -> None:
        """Begin with torch."""
        self._compute: Compute = ImageModel.by_torch
        self._spent = 0.0
        self._ended = False

    def __call__(self, model: ImageModel, photos: torch.Tensor) -> torch.Tensor:
        """See `Compute`."""
        if self._ended:
            return self._compute(model, photos)
        started = time.perf_counter()
        features = self._compute(model, photos)
        self._spent += time.perf_counter() - started
        won = _WON_BY_OPENVINO.get(_layers(model))
        if self._spent > (CONVERSION if won else PATIENCE):
            self._ended = True
            self._compute = _faster(model, photos[:TRIAL_PHOTOS], won)
        return features


def _layers(model: ImageModel) -> Hashable:
    """Say what the time that a model takes depends on."""
    size = sum(part.numel() for part in model.parameters())
    return type(model.network), model.image_size, size


def _faster(model: ImageModel, photos: torch.Tensor, won: bool | None) -> Compute:
    """Say by what a model is computed from now on.

    Args:
        model: The model.
        photos: A batch that torch and OpenVINO are compared on.
        won: Whether OpenVINO was faster before, None where that is to be seen.
    """
    if won is False:
        return ImageModel.by_torch
    try:
        converted = agreeing_openvino(model, photos)
    except EncoderError as error:
        logger.info("%s is computed by torch. %s", type(model.network).__name__, error)
        _WON_BY_OPENVINO[_layers(model)] = False
        return ImageModel.by_torch
    if won is None:
        _WON_BY_OPENVINO[_layers(model)] = won = _is_faster(converted, model, photos)
    return converted if won else ImageModel.by_torch


def _is_faster(converted: Compute, model: ImageModel, photos: torch.Tensor) -> bool:
    """Compare torch and OpenVINO on a batch, and say in one line of the log which is used."""
    by_torch, by_openvino = (
        _seconds(each, model, photos) for each in (ImageModel.by_torch, converted)
    )
    logger.info(
        "%s is computed by %s: %.1f photos a second by torch, %.1f by OpenVINO.",
        type(model.network).__name__,
        "OpenVINO" if by_openvino < by_torch else "torch",
        len(photos) / by_torch,
        len(photos) / by_openvino,
    )
    return by_openvino < by_torch


def _seconds(compute: Compute, model: ImageModel, photos: torch.Tensor) -> float:
    def once() -> float:
        started = time.perf_counter()
        compute(model, photos)
        return time.perf_counter() - started

    return min(once() for _ in range(ROUNDS))


def agreeing_openvino(model: ImageModel, photos: torch.Tensor) -> Compute:
    """Convert a model to OpenVINO, and see that it gives the same features.

    Args:
        model: On the CPU.
        photos: uint8 [n, 3, height, width], what both are asked about.

    Raises:
        EncoderError: OpenVINO is not installed, cannot convert the model, or differs from torch.
    """
    converted = OpenVinoFeatures(model)
    with torch.inference_mode():
        expected = model.by_torch(photos)
    difference = float((converted(model, photos) - expected).abs().max() / expected.abs().max())
    if not difference <= AGREEMENT:  # so that NaN does not pass
        raise EncoderError(
            f"Its features by OpenVINO differ from torch's by {difference:.2g} of the largest, "
            f"more than {AGREEMENT:g}: set the encoder's `backend` to torch."
        )
    return converted


class OpenVinoFeatures:
    """An image model in OpenVINO, in float32 and with as many threads as torch has."""

    def __init__(self, model: ImageModel) -> None:
        """Convert and compile the model.

        Raises:
            EncoderError: OpenVINO is not installed, or cannot convert the model.
        """
        if find_spec("openvino") is None:
            raise EncoderError(
                'OpenVINO cannot be found: run pip install "chajong[openvino]", or set the '
                "encoder's `backend` to auto."
            )
        # OpenVINO tells its makers over the network that it was imported, unless this is absent.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        # A CPU with instructions for bfloat16 would use them unless it is told not to.
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,
        }
        try:
            graph = _converted(model)
            graph.reshape([-1, 3, *model.image_size])
            self._compiled = openvino.Core().compile_model(graph, "CPU", settings)
        except Exception as error:  # of whatever kind a converter comes upon
            reason = str(error).strip().partition("\n")[0]
            raise EncoderError(f"OpenVINO cannot convert it ({reason}).") from error
        self._weights = [*model.parameters(), *model.buffers()]  # which the graph may share

    def __call__(self, model: ImageModel, photos: torch.Tensor) -> torch.Tensor:
        """See `Compute`; the model is the one that was converted."""
        (features,) = self._compiled(photos.contiguous().numpy()).values()
        return torch.from_numpy(features)


class _Graph(torch.nn.Module):
    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        return self.model.by_torch(photos)


def _converted(model: ImageModel) -> openvino.Model:
    """Convert a model by OpenVINO's own reader of torch's graphs."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.inference_mode(), warnings.catch_warnings():
        # torch would rather be exported, which OpenVINO reads with errors in the log.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(
            _Graph(model).eval(),
            example_input=(_two_photos(model),),
            trace_kwargs={"check_trace": False},
        )
    frontend = FrontEndManager().load_by_framework("pytorch")
    return frontend.convert(frontend.load(decoder))


def _two_photos(model: ImageModel) -> torch.Tensor:
    shape = (2, 3, *model.image_size)
    return (torch.arange(math.prod(shape)) * STRIDE % 256).to(torch.uint8).view(shape)
