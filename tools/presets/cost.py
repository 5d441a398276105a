"""What a preset costs, found by running it on tensors that have shapes and no numbers."""

from __future__ import annotations

import weakref
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import flop_registry

from chajong.members.backbone.parameters import BackboneParameters
from chajong.members.clip.parameters import ClipParameters
from chajong.training.moving_average import trained_weights
from tools.presets.building import full_classifier, full_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chajong.encoders.parameters import (
        PretrainedParameters,
        QwenVlChatParameters,
        VlmLanguageParameters,
        VlmTowerParameters,
    )
    from chajong.members.backbone.parameters import BackboneParameters
    from chajong.training.parameters import TrainingParameters

RESERVE_GB = 2.0
"""For CUDA itself, the workspaces of its libraries and gaps between tensors: not measured."""

ADAMW_BYTES = 8
"""Two float32 moments a trainable parameter."""


BACKWARD = 2
"""Operations of the way back through a model, for one on the way there."""

_ATEN = torch.ops.aten
_FORMULAS = {
    **flop_registry,
    # The CPU's attention has a name of its own and costs what the GPU's costs.
    _ATEN._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        _ATEN._scaled_dot_product_flash_attention
    ],
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        _ATEN._scaled_dot_product_flash_attention_backward
    ],
}


@dataclass(frozen=True)
class Cost:
    """What one GPU spends on a model; an estimate.

    Attributes:
        parameters: Numbers in the model.
        trainable: How many of them training changes.
        image_size: Height and width of the photos in pixels.
        photos: Photos on the GPU at once, views counted one by one.
        memory_gb: Peak memory in 10^9 bytes, `RESERVE_GB` included.
        operations: Floating-point operations a photo, of matrix products and convolutions.
    """

    parameters: int
    trainable: int
    image_size: tuple[int, int]
    photos: int
    memory_gb: float
    operations: float


class Meter(TorchDispatchMode):
    """Counts operations, and the bytes of the tensors that they make while those are alive.

    Attributes:
        live: Bytes that are alive now.
        peak: The most that were alive at once.
        operations: Floating-point operations of matrix products and convolutions.
        forward: Those of them on the way to the loss.
    """

    def __init__(self) -> None:
        """Start at nothing: tensors from before do not count."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self.operations = 0
        self.forward = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation, count it, and count what it makes."""
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **kwargs, out_val=made)
        tree_map_only(torch.Tensor, self._count, made)
        return made

    def ignore(self, tensors: Iterable[torch.Tensor]) -> None:
        """Leave out tensors that are counted elsewhere, and views of them."""
        self._known.update(tensor.untyped_storage()._cdata for tensor in tensors)

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._known:
            self._known.add(key)
            self.live += storage.nbytes()
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._release, key, storage.nbytes())

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def training_cost(
    parameters: BackboneParameters | ClipParameters, training: TrainingParameters
) -> Cost:
    """Estimate what training takes, from one pass at full size forward and back.

    Counted are float32 weights, gradients, AdamW's moments and the averaged weights, and what the
    pass makes: activations that are kept, copies of the weights in half precision, and what is
    computed anew where activations are not kept. A compiled model needs less, and so does a frozen
    text tower, which is run here all the same.

    Args:
        parameters: The model.
        training: How it is trained.

    Returns:
        The cost of one process.

    Raises:
        EncoderError: The model is unknown, or cannot compute activations twice.
    """
    model = full_classifier(parameters)
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    count = sum(weight.numel() for weight in trainable)
    averaged = size_in_bytes(trained_weights(model).values())
    if isinstance(parameters, ClipParameters):
        model.settings = parameters.model_copy(update=_EVERY_STEP)
    model.set_gradient_checkpointing(enabled=training.gradient_checkpointing)
    photos = training.batch_size // (training.gradient_accumulation * training.processes)
    half = training.precision != "float32"
    meter = run_on_shapes(model, lambda meter: _one_pass(model, photos, meter, half=half))
    weights = size_in_bytes([*model.parameters(), *model.buffers()])
    gradients = 4 * count
    # The optimiser's step makes a copy of the weights when the activations are gone.
    peak = weights + gradients + ADAMW_BYTES * count + averaged + max(meter.peak, 4 * count)
    return Cost(
        parameters=sum(weight.numel() for weight in model.parameters()),
        trainable=count,
        image_size=model.image_size,
        photos=photos,
        memory_gb=peak / 1e9 + RESERVE_GB,
        operations=meter.forward * (1 + BACKWARD + training.gradient_checkpointing) / photos,
    )


_EVERY_STEP = {"objective": "classes_and_positives", "freeze": ()}
"""Settings of CLIP with which a pass does not depend on numbers, which are absent here."""


def prediction_cost(
    parameters: ClipParameters
    | PretrainedParameters
    | VlmTowerParameters
    | VlmLanguageParameters
    | QwenVlChatParameters,
) -> Cost:
    """Estimate what a model takes that is not trained, from one batch at full size.

    Args:
        parameters: The model.

    Returns:
        The cost on one GPU.

    Raises:
        EncoderError: The model is unknown.
    """
    if isinstance(parameters, ClipParameters):
        model = full_classifier(parameters).eval()
        size, answer = model.image_size, model.photo_embeddings
    else:
        model, size = full_encoder(parameters)
        answer = model.eval()
    batch = _batch_size(parameters)
    photos = batch * len(parameters.zoom)

    def encode(meter: Meter) -> None:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            answer(torch.empty(photos, 3, *size))

    meter = run_on_shapes(model, encode)
    return Cost(
        parameters=sum(weight.numel() for weight in model.parameters()),
        trainable=0,
        image_size=size,
        photos=photos,
        memory_gb=(size_in_bytes([*model.parameters(), *model.buffers()]) + meter.peak) / 1e9
        + RESERVE_GB,
        operations=meter.operations / batch * (1 + parameters.flip),
    )


def run_on_shapes(model: Any, run: Callable[[Meter], None]) -> Meter:
    """Give a model on the meta device shapes on the CPU, and run it.

    Args:
        model: The model.
        run: Runs it; the meter may be asked in between.

    Returns:
        What was counted beside the model's own weights and gradients.
    """
    with ExitStack() as modes:
        # Weights of the meta device become fake ones of the CPU here.
        modes.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        model.to_empty(device="cpu")
        meter = Meter()
        meter.ignore([*model.parameters(), *model.buffers()])
        for weight in model.parameters():
            if weight.requires_grad:  # as in any pass of a step but the first
                weight.grad = torch.empty_like(weight)
                meter.ignore([weight.grad])
        for layer in model.modules():
            if isinstance(layer, torch.nn.LayerNorm):
                layer.register_forward_pre_hook(_in_float32)
        modes.enter_context(meter)
        run(meter)
    return meter


def _in_float32(layer: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
    """Normalise as autocast does on a GPU; on the CPU it would do so in half precision."""
    return tuple(argument.float() for argument in arguments)


def _one_pass(model: Any, photos: int, meter: Meter, *, half: bool) -> None:
    """Go forward and back, as one of the passes of an optimiser step does."""
    pictures = torch.empty(photos, 3, *model.image_size, dtype=torch.uint8)
    labels = torch.zeros(photos, dtype=torch.int64)
    precision = torch.autocast("cpu", dtype=torch.bfloat16) if half else nullcontext()
    with precision:
        loss = model(pictures, labels, labels, torch.ones(photos))["loss"]
    meter.forward = meter.operations
    loss.backward()


def size_in_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Add up what tensors take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _batch_size(parameters: Any) -> int:
    """Give the photos a batch, which encoders and models that are trained too call differently."""
    trained = isinstance(parameters, ClipParameters | BackboneParameters)
    return int(parameters.prediction_batch_size if trained else parameters.batch_size)
