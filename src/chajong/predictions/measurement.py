"""Wall time and peak memory of a block of code."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

SAMPLING_SECONDS = 0.05
BYTES_PER_MB = 1e6


@dataclass
class Measurement:
    """What a block took; the values are there once the block has ended.

    Attributes:
        seconds: Wall time.
        host_memory_mb: Largest resident set size of this process seen during the block, in
            megabytes of 10^6 bytes: what the process held before the block is part of it.
        gpu_memory_mb: Largest memory allocated by torch on all CUDA devices, the same unit; 0
            where torch does not use CUDA.
    """

    seconds: float = 0.0
    host_memory_mb: float = 0.0
    gpu_memory_mb: float = 0.0

    @property
    def peak_memory_mb(self) -> float:
        """Host and GPU memory together."""
        return self.host_memory_mb + self.gpu_memory_mb


class _HostMemoryPeak(threading.Thread):
    """Samples the resident set size of this process until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process()
        self._stopped = threading.Event()
        self.largest_bytes = 0

    def run(self) -> None:
        self._sample()
        while not self._stopped.wait(SAMPLING_SECONDS):
            self._sample()

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        self._sample()

    def _sample(self) -> None:
        self.largest_bytes = max(self.largest_bytes, self._process.memory_info().rss)


def _cuda_in_use() -> Any:
    """Return torch.cuda where this process has started it, without importing torch."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


def _reset_gpu_peaks() -> None:
    cuda = _cuda_in_use()
    if cuda:
        for device in range(cuda.device_count()):
            cuda.reset_peak_memory_stats(device)


def _gpu_peak_bytes() -> int:
    cuda = _cuda_in_use()
    devices = range(cuda.device_count()) if cuda else ()
    return sum(cuda.max_memory_allocated(device) for device in devices)


@contextmanager
def measure() -> Iterator[Measurement]:
    """Measure wall time and peak memory of the block, also when it raises.

    Host memory is sampled every 50 ms, so that a shorter peak can be missed. The GPU's peak is
    torch's own counter, which the block resets: do not nest blocks that use a GPU.

    Yields:
        The measurement, filled when the block ends.
    """
    measurement = Measurement()
    _reset_gpu_peaks()
    host = _HostMemoryPeak()
    host.start()
    started = time.perf_counter()
    try:
        yield measurement
    finally:
        measurement.seconds = time.perf_counter() - started
        host.stop()
        measurement.host_memory_mb = host.largest_bytes / BYTES_PER_MB
        measurement.gpu_memory_mb = _gpu_peak_bytes() / BYTES_PER_MB
