"""What a run tells: a line a step on the terminal, with the time left, and the rest in a file."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from time import monotonic
from typing import TYPE_CHECKING

from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LOG, SECONDS = "08_reporting/run.log", "02_intermediate/step_seconds.json"
"""Files of a data folder: what its runs told, and how long each step took."""

METRICS = ".metrics"
"""Ends the name of a dataset that says how good a member is."""

LONGEST_LOG = 5_000_000
"""Bytes from which a log is begun anew; the one before is kept beside it."""

FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"

NOT_ON_THE_TERMINAL = ("kedro.pipeline.node", "kedro.runner", "chajong.failures")
"""Loggers that ``conf/logging.yml`` keeps from the terminal, where a command tells the errors."""

logger, failures = logging.getLogger("chajong.run"), logging.getLogger("chajong.failures")


def tell(line: str) -> None:
    """Print a line, and log it."""
    print(line, flush=True)
    logger.info("%s", line)


class _Log(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on: a full disk is told by what a run writes, not by its log."""


@contextmanager
def log_file(folder: Path) -> Iterator[None]:
    """Write all that is logged into a data folder's log."""
    path = folder / LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _Log(path, maxBytes=LONGEST_LOG, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    logging_to_it = [logging.getLogger(name) for name in ("", *NOT_ON_THE_TERMINAL)]
    for each in logging_to_it:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in logging_to_it:
            each.removeHandler(handler)
        with suppress(OSError):
            handler.close()


class StepTimes:
    """The steps of a run, and how long the rest of them takes by what they took before."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """Begin a run.

        Args:
            folder: Its data folder.
            names: Of its steps, in their order.
        """
        self._file = folder / SECONDS
        self._longest: dict[str, float] = {}
        with suppress(OSError, ValueError):  # there is none yet, or a damaged one
            self._longest = json.loads(self._file.read_bytes())
        self._names = tuple(names)
        self._started = 0.0
        self._place = 0

    def begin(self, name: str) -> str:
        """Note that a step begins, and say so in one line.

        A step that has nothing new to do is passed over: the time left is at most what is told.
        """
        self._started = monotonic()
        self._place = max(self._place, self._names.index(name))
        count = len(self._names)
        place = f"[{self._place + 1:{len(str(count))}}/{count}]"
        member, _, step = name.rpartition(".")
        words = f"{member}: {step}".removeprefix(": ").replace("_", " ")
        left = self._names[self._place :]
        known = [self._longest[each] for each in left if each in self._longest]
        told = f", up to {spoken(sum(known))} left" if len(known) == len(left) else ""
        return f"{place} {words}{told}"

    def end(self, name: str) -> None:
        """Note that a step has ended."""
        took = monotonic() - self._started
        self._longest[name] = max(took, self._longest.get(name, 0.0))

    def keep(self) -> None:
        """Write down how long steps took, for the next run."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._file) as unfinished:
            unfinished.write_text(json.dumps(self._longest, ensure_ascii=False), encoding="utf-8")


def spoken(seconds: float) -> str:
    """Say a time as people do."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
