"""Which device computes, and in which precision."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import torch

logger = logging.getLogger(__name__)


def best_device() -> torch.device:
    """The accelerator of this machine, or its CPU where there is none."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if accelerator is not None else torch.device("cpu")


def best_precision(*, wide_range: bool = False) -> torch.dtype:
    """Say in which precision the best device computes.

    Args:
        wide_range: Whether the model's hidden states pass 65504, float16's largest number, as
            those of vision-language models do.

    Returns:
        float32 on the CPU and bfloat16 on an accelerator. An NVIDIA GPU that only emulates bfloat16
        (compute capability below 8.0) gains nothing by it: float16 there, or float32 for a model of
        wide range.
    """
    import torch

    device = best_device()
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        _say_that_bfloat16_is_emulated(torch.cuda.get_device_name())
        return torch.float32 if wide_range else torch.float16
    return torch.bfloat16


@cache
def _say_that_bfloat16_is_emulated(card: str) -> None:
    logger.warning(
        "%s only emulates bfloat16. Models compute in float16 instead; vision-language models, "
        "whose numbers float16 cannot hold, in float32, which is slower and takes twice the "
        "memory.",
        card,
    )


def mixed_precision(precision: torch.dtype) -> AbstractContextManager[object]:
    """Multiply in a precision on the best device; in float32 nothing is changed."""
    import torch

    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(best_device().type, dtype=precision)


@contextmanager
def exact_float32() -> Iterator[None]:
    """Multiply float32 numbers as such, never as TF32 or bfloat16, whatever is set elsewhere."""
    with float32_settings_kept():
        for products in _kinds_of_products():
            products.fp32_precision = "ieee"
        yield


@contextmanager
def float32_settings_kept() -> Iterator[None]:
    """Undo what is changed inside about how exactly float32 numbers are multiplied.

    transformers lets all later products of a process be TF32 where a training is compiled.
    """
    import torch

    settings = (torch.backends, *_kinds_of_products())
    before = [each.fp32_precision for each in settings]
    try:
        yield
    finally:
        for each, precision in zip(settings, before, strict=True):
            each.fp32_precision = precision


def allow_tf32() -> None:
    """Let a CUDA GPU multiply float32 numbers as TF32, as transformers does to compile.

    transformers itself does so only for the first compiled training of a process, and
    `float32_settings_kept` undoes it: without this the next ones would compute otherwise.
    """
    import torch

    if best_device().type == "cuda":
        library: Any = torch.backends
        library.fp32_precision = "tf32"


def _kinds_of_products() -> tuple[Any, ...]:
    """Give torch's settings by library and operation; each goes before the general one."""
    import torch

    library: Any = torch.backends
    nvidia = (library.cuda.matmul, library.cudnn.conv, library.cudnn.rnn)
    return *nvidia, library.mkldnn.matmul, library.mkldnn.conv
