import time

import numpy as np
import pytest

from chajong.predictions import measurement
from chajong.predictions.measurement import measure


def test_seconds_are_the_blocks_wall_time():
    with measure() as taken:
        time.sleep(0.12)
    assert 0.12 <= taken.seconds < 1


def test_memory_freed_within_the_block_is_in_the_peak():
    with measure() as idle:
        pass
    with measure() as busy:
        block = np.ones(25_000_000)
        time.sleep(0.15)
        del block
    assert 150 < busy.host_memory_mb - idle.host_memory_mb < 300


def test_block_that_raises_is_measured():
    with pytest.raises(KeyError), measure() as taken:
        raise KeyError
    assert taken.seconds > 0
    assert taken.host_memory_mb > 0


class FakeCuda:
    """Two devices with torch.cuda's counters."""

    def __init__(self) -> None:
        self.peaks = [9_000_000, 9_000_000]

    def device_count(self) -> int:
        return 2

    def reset_peak_memory_stats(self, device: int) -> None:
        self.peaks[device] = 0

    def max_memory_allocated(self, device: int) -> int:
        return self.peaks[device]


def test_gpu_peak_is_the_blocks_own_over_all_devices(monkeypatch: pytest.MonkeyPatch):
    cuda = FakeCuda()
    monkeypatch.setattr(measurement, "_cuda_in_use", lambda: cuda)
    with measure() as taken:
        cuda.peaks[1] = 3_000_000
    assert taken.gpu_memory_mb == 3.0
    assert taken.peak_memory_mb == taken.host_memory_mb + 3.0


def test_no_gpu_memory_without_cuda():
    with measure() as taken:
        pass
    assert taken.gpu_memory_mb == 0
