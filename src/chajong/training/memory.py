"""The memory of a training: kept from step to step, and given back before the next model."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Numbers of glibc's malloc.h."""


def keep_freed_memory() -> None:
    """Keep what one step frees for the next one, where malloc is glibc's.

    glibc gives large pieces back to the system at once, so that every step of a training on the
    CPU waits until the system has zeroed them again (`benchmarks.training_speed`). From here on
    this process gives memory back in `release_memory` only.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)


def release_memory() -> None:
    """Give back what models occupied that nobody uses any more.

    A model is freed as soon as its last user lets go. Two things are left for this: the first model
    of a process may hang on a cycle that a library makes while it is imported (torch's own
    `torch.fx.wrap` keeps the frames of whoever imports torchvision first), and torch keeps the
    freed memory of an accelerator in pieces that a model of another shape may not fit into.
    """
    import torch

    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") else None


def unwrap_forward(model: Any) -> None:
    """Take off what accelerate put around a model's `forward` for training in half precision.

    Its wrapper is kept on the model and holds the model, and so does what accelerate itself leaves
    when it unwraps: neither would ever be freed by counting references.

    Args:
        model: A module whose class has its own `forward`; it may not be wrapped at all.
    """
    for name in ("forward", "_original_forward"):
        vars(model).pop(name, None)
