"""Seconds and memory of work on the GPU, or on the CPU where there is none."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu_check.rows import free_memory

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST, MOST = 2, 50
"""Repeats, however long or short the work is."""

LONG_ENOUGH = 3.0
"""Seconds after which work is not repeated any more."""


def median_seconds(work: Callable[[], object]) -> float:
    """Time work.

    Args:
        work: What is timed.

    Returns:
        The median of several times after one that warms up, on a GPU; the first time on the CPU,
        whose figures say nothing.
    """
    first = seconds_of(work)
    if not torch.cuda.is_available():
        return first
    times: list[float] = []
    while len(times) < LEAST or (sum(times) < LONG_ENOUGH and len(times) < MOST):
        times.append(seconds_of(work))
    return median(times)


def seconds_of(work: Callable[[], object]) -> float:
    """Time work once, from an idle GPU to an idle GPU."""
    _wait()
    started = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - started


def forget_peak() -> None:
    """Count the peak of memory anew, from what is in use now."""
    free_memory()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> dict[str, float]:
    """Give the peak since `forget_peak` in 10^9 bytes: of tensors, and of what torch took for them.

    Nothing is given where there is no GPU.
    """
    if not torch.cuda.is_available():
        return {}
    return {
        "allocated_gb": torch.cuda.max_memory_allocated() / 1e9,
        "reserved_gb": torch.cuda.max_memory_reserved() / 1e9,
    }


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
