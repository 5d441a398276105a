"""The memory of a model that has done its work, given back before the next one is built."""

from __future__ import annotations

import gc
from typing import Any


def release_memory() -> None:
    """Give back what models occupied that nobody uses any more.

    A model is freed as soon as its last user lets go. Two things are left for this: the first model
    of a process may hang on a cycle that a library makes while it is imported (torch's own
    `torch.fx.wrap` keeps the frames of whoever imports torchvision first), and torch keeps the
    freed memory of an accelerator in pieces that a model of another shape may not fit into.
    """
    import torch

    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def unwrap_forward(model: Any) -> None:
    """Take off what accelerate put around a model's `forward` for training in half precision.

    Its wrapper is kept on the model and holds the model, and so does what accelerate itself leaves
    when it unwraps: neither would ever be freed by counting references.

    Args:
        model: A module whose class has its own `forward`; it may not be wrapped at all.
    """
    for name in ("forward", "_original_forward"):
        vars(model).pop(name, None)
