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

from chajong.training.engine import CHECKPOINTS, HISTORY_FILE, train
from chajong.training.moving_average import trained_weights
from chajong.training.trainer import COMPLETE_FILE
from gpu_check import small_training
from gpu_check.rows import Finding, Items, NoHardware
from gpu_check.small_training import small_job

if TYPE_CHECKING:
    from chajong.training.engine import TrainedModel
    from chajong.training.moving_average import Weights

TOLERATED = 0.1
"""Largest difference on a GPU, as a share of what training changes: sums there have no fixed order,
and small differences grow from step to step. On the CPU there is none."""


def items(*, dry: bool) -> Items:
    """List the measurements."""
    return [("killed and resumed", _killed_and_resumed), ("two processes", _two_processes)]


def estimates(*, dry: bool) -> Items:
    """Nothing is reckoned beforehand."""
    return []


def _killed_and_resumed() -> Finding:
    """Compare the weights of a training that was killed with those of one that was not.

    Raises:
        ValueError: They differ by more than is tolerated.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = train(small_job(), folder / "whole")
        kept = _kill_after_first_checkpoint(folder / "killed")
        resumed = train(small_job(), folder / "killed")
    difference, changed = _largest(whole.weights, resumed.weights), _changed_by(whole)
    tolerated = TOLERATED * changed if torch.cuda.is_available() else 0.0
    if not difference <= tolerated:
        message = (
            f"the weights differ by up to {difference:.1e}, of {changed:.1e} that training changes"
        )
        raise ValueError(message)
    note = "the same weights" if difference == 0 else "other weights, within what is tolerated"
    figures = {"largest_difference": difference, "changed_by_training": changed}
    return Finding(figures, f"resumed from step {kept}; {note}")


def _kill_after_first_checkpoint(folder: Path) -> int:
    """Train in a process of its own and kill it.

    Returns:
        The last step of which the training has a checkpoint.

    Raises:
        RuntimeError: The training ended by itself.
    """
    process = subprocess.Popen([sys.executable, small_training.__file__, str(folder)])
    complete = f"checkpoint-*/{COMPLETE_FILE}"
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
        alone = train(small_job(), Path(scratch) / "alone")
        shared = train(small_job(processes=2), Path(scratch) / "shared")
    figures = {
        "photos_per_second": _speed(shared),
        "photos_per_second_of_one": _speed(alone),
        "largest_difference": _largest(alone.weights, shared.weights),
        "changed_by_training": _changed_by(alone),
    }
    note = "a small model, for which sharing need not pay; weights may differ by random depths"
    return Finding(figures, note)


def _speed(trained: TrainedModel) -> float:
    return float(trained.history[-1]["photos_per_second"])


def _changed_by(trained: TrainedModel) -> float:
    return _largest(trained_weights(small_job().build()), trained.weights)


def _largest(first: Weights, second: Weights) -> float:
    """Give the largest difference of two sets of weights, nan where one of them has a nan."""
    differences = [(first[name].float() - second[name].float()).abs().max() for name in first]
    return float(torch.stack(differences).max())
