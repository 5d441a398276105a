"""Shares of work in processes of this machine.

A training of a small model keeps a second thread waiting more than it uses it: two folds side by
side on a thread each are twice as fast as one after the other on two (docs/results.md).
"""

from __future__ import annotations

import gc
import logging
from concurrent.futures import as_completed
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import psutil

from chajong.device import best_device
from chajong.engine.parameters import EngineError
from chajong.engine.share import compute_share
from chajong.threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chajong.engine.parameters import Engine

Share = TypeVar("Share")
Result = TypeVar("Result")

WORKER_BYTES = 1.5e9
"""Memory that a worker takes with its libraries (0.7 GB) and a training of a small model."""

NEW_OBJECTS = 10_000
"""How many there are before Python looks for cycles of them: by its own 700 that is a fifth of the
time in which a worker imports its libraries."""

IDLE_SECONDS = 120
"""How long a worker, which has imported all that it needs, waits for the next work."""


def spread_here(
    engine: Engine,
    make: Callable[[], Callable[[Share], Result]],
    shares: Sequence[Share],
    gpus: int,
) -> Iterator[tuple[int, Result]]:
    """Compute shares of work on this machine; see `chajong.engine.spread`."""
    workers = workers_here(engine, len(shares), gpus)
    if workers > 1:
        yield from _in_workers(make, shares, workers)
        return
    if not shares:
        return
    compute = make()
    for place, share in enumerate(shares):
        yield place, compute(share)


def workers_here(engine: Engine, shares: int, gpus: int) -> int:
    """Say how many shares this machine computes at once, at least one: 1 is this process.

    Args:
        engine: How many processors a share takes.
        shares: How many there are.
        gpus: More than one where a share has several processes of its own.
    """
    if gpus > 1 or best_device().type != "cpu":
        return 1
    room = int(psutil.virtual_memory().available / WORKER_BYTES)
    return max(1, min(shares, threads() // engine.cpus, room))


def _in_workers(
    make: Callable[[], Callable[[Share], Result]], shares: Sequence[Share], workers: int
) -> Iterator[tuple[int, Result]]:
    from loky import get_reusable_executor
    from loky.process_executor import TerminatedWorkerError

    environment = {
        "OMP_NUM_THREADS": str(threads() // workers),
        "TQDM_DISABLE": "1",
        # Libraries and models are no leak; a new worker would import them again for seconds.
        "LOKY_MAX_MEMORY_LEAK_SIZE": "1e15",
    }
    executor = get_reusable_executor(workers, timeout=IDLE_SECONDS, env=environment)
    work = (str(Path.cwd()), uuid4().hex, make)
    places = {executor.submit(_compute, *work, share): place for place, share in enumerate(shares)}
    finished = False
    try:
        for future in as_completed(places):
            result, log = future.result()
            _log_here(log)
            yield places[future], result
        finished = True
    except TerminatedWorkerError as error:
        message = (
            f"A process that computed a share of the work was killed, as happens where {workers} "
            "at once need more memory than there is. What is finished is kept: run again with "
            f"engine.cpus={threads() // workers + 1}, so that fewer run at once."
        )
        raise EngineError(message) from error
    finally:
        if not finished:
            executor.shutdown(kill_workers=True)


def _compute(
    folder: str, name: str, make: Callable[[], Callable[[Share], Result]], share: Share
) -> tuple[Result, list[logging.LogRecord]]:
    """Compute a share, and give it with what was logged; this runs in a worker."""
    gc.set_threshold(NEW_OBJECTS)
    log: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger("chajong").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    try:
        result: Any = compute_share(folder, name, make, share)
    finally:
        logging.getLogger().removeHandler(handler)
    # What is left are libraries: looking through them again takes half a second each time.
    gc.collect()
    gc.freeze()
    return result, [log.get() for _ in range(log.qsize())]


def _log_here(records: list[logging.LogRecord]) -> None:
    """Log what a worker logged as if it had been logged here."""
    for record in records:
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
