"""A share of work as a worker computes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT: dict[str, Callable[[Any], Any]] = {}
"""What this worker made last, by the work that it was made for."""


def compute_share(
    folder: str, name: str, make: Callable[[], Callable[[Any], Any]], share: Any
) -> Any:
    """Compute a share in a worker, where relative paths mean the same as in the run.

    Args:
        folder: From which the run was started.
        name: Of the work, all of whose shares are computed by the same tool.
        make: Makes the tool, once in a worker.
        share: What is computed.
    """
    os.chdir(folder)
    if name not in _KEPT:
        _KEPT.clear()
        _KEPT[name] = make()
    return _KEPT[name](share)
