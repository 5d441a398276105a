"""One training shared by several processes of this machine."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

from chajong.threads import processors
from chajong.training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.training.engine import TrainingJob

RAISED = re.compile(r"TrainingError: (?P<message>.*)", re.DOTALL)


def train_in_processes(job: TrainingJob, folder: Path) -> None:
    """Start the processes, each of which trains on its part of every batch, and wait for them.

    Args:
        job: What is trained, in `job.parameters.processes` processes.
        folder: As for `chajong.training.engine.train`.

    Raises:
        TrainingError: There are fewer GPUs than processes, or a process could not go on.
    """
    from torch.multiprocessing.spawn import ProcessRaisedException, start_processes

    count = job.parameters.processes
    _check_accelerators(count)
    try:
        start_processes(
            _worker, (job, folder, count, _free_port()), nprocs=count, start_method="spawn"
        )
    except ProcessRaisedException as error:
        raised = RAISED.search(str(error))
        if raised is None:
            raise
        raise TrainingError(raised["message"].strip()) from error


def _check_accelerators(count: int) -> None:
    import torch

    accelerators = torch.accelerator.device_count() if torch.accelerator.is_available() else count
    if accelerators < count:
        message = (
            f"{count} processes need {count} GPUs and this machine has {accelerators}: lower "
            "`training.processes`."
        )
        raise TrainingError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _worker(rank: int, job: TrainingJob, folder: Path, count: int, port: int) -> None:
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(count),
        LOCAL_WORLD_SIZE=str(count),
    )
    import torch

    from chajong.training.engine import train_here

    torch.set_num_threads(max(1, processors() // count))
    train_here(job, folder)
    torch.distributed.destroy_process_group()
