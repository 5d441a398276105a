"""A training that is killed and resumed, and one that two processes share."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu_check import small_training
from benchmarks.gpu_check.rows import Finding, Items, NoHardware
from benchmarks.gpu_check.small_training import small_job
from chajong.manifest import MANIFEST
from chajong.training.engine import CHECKPOINTS, HISTORY_FILE, train
from chajong.training.moving_average import trained_weights

if TYPE_CHECKING:
    from chajong.training.engine import TrainedModel
    from chajong.training.moving_average import Weights

TOLERATED = 0.5
"""Difference of weights on a GPU, as a share of what training changes. Sums there have no fixed
order, and AdamW makes as much of a small gradient's error as of a large one's; on the CPU there is
no difference."""


def items(*, dry: bool) -> Items:
    """List the measurements."""
    return [("killed and resumed", _killed_and_resumed), ("two processes", _two_processes)]


def estimates(*, dry: bool) -> Items:
    """Nothing is reckoned beforehand."""
    return []


def _killed_and_resumed() -> Finding:
    """Compare the weights of a training that was killed with those of one that was not."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = train(small_job(), folder / "whole")
        kept = _kill_after_first_checkpoint(folder / "killed")
        resumed = train(small_job(), folder / "killed")
    tolerated = TOLERATED if torch.cuda.is_available() else 0.0
    figures = _compared(whole.weights, resumed.weights, tolerated)
    return Finding(figures, f"resumed from step {kept}")


def _kill_after_first_checkpoint(folder: Path) -> int:
    """Train in a process of its own and kill it.

    Returns:
        The last step of which the training has a checkpoint.

    Raises:
        RuntimeError: The training ended by itself.
    """
    process = subprocess.Popen([sys.executable, small_training.__file__, str(folder)])
    complete = f"checkpoint-*/{MANIFEST}"
    while process.poll() is None and not any((folder / CHECKPOINTS).glob(complete)):
        time.sleep(0.002)
    process.kill()
    if process.wait() != -signal.SIGKILL or (folder / HISTORY_FILE).exists():
        message = f"the training to be killed ended by itself, with status {process.returncode}"
        raise RuntimeError(message)
    return max(
        int(each.parent.name.split("-")[1]) for each in (folder / CHECKPOINTS).glob(complete)
    )


def _two_processes() -> Finding:
    """Share a training between two GPUs, and compare its weights with those of one process.

    Raises:
        NoHardware: There are no two GPUs.
    """
    found = torch.cuda.device_count()
    if found < 2:
        raise NoHardware("one GPU" if found else "no GPU")
    with tempfile.TemporaryDirectory() as scratch:
        alone = train(small_job(plain=True), Path(scratch) / "alone")
        shared = train(small_job(plain=True, processes=2), Path(scratch) / "shared")
    speeds = {"photos_per_second": _speed(shared), "photos_per_second_of_one": _speed(alone)}
    figures = speeds | _compared(alone.weights, shared.weights, TOLERATED)
    return Finding(figures, "a small model, for which sharing need not pay")


def _speed(trained: TrainedModel) -> float:
    return float(trained.history[-1]["photos_per_second"])


def _compared(expected: Weights, found: Weights, tolerated: float) -> dict[str, float]:
    """Say how far weights are from one another, as a share of how far training has moved them.

    Raises:
        ValueError: It is more than is tolerated.
    """
    moved = _distance(trained_weights(small_job().build()), expected)
    share = _distance(expected, found) / moved
    if not share <= tolerated:
        raise ValueError(f"the weights differ by {share:.2g} of what training changes")
    return {"difference_over_change": share}


def _distance(first: Weights, second: Weights) -> float:
    squares = [(first[name].double() - second[name].double()).square().sum() for name in first]
    return float(torch.stack(squares).sum().sqrt())
