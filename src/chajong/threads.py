"""How many threads compute, and how they wait: set before any library with threads is there."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from math import ceil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux says how much of its processors a container may use, and which group this is."""


def share_processors() -> None:
    """Let the threads of torch, NumPy and faiss fit the container, and sleep while they wait.

    A thread that waits for the others of its step otherwise keeps its processor busy, so that those
    it waits for do not get on where other programs compute too (docs/results.md). What a person has
    set in the environment stands. OpenVINO gets as many threads as torch, and OpenCV reads the same
    limits itself.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if processors() < allowed_by_the_system():
        os.environ.setdefault("OMP_NUM_THREADS", str(processors()))


@cache
def processors() -> int:
    """Say how many processors this process may use, by its affinity and its container's limit."""
    limits = [max(1, ceil(limit)) for limit in _limits(GROUPS, OWN_GROUP)]
    return min([allowed_by_the_system(), *limits])


def threads() -> int:
    """Say how many threads compute here: what the environment says, or one a processor."""
    return int(os.environ.get("OMP_NUM_THREADS", processors()))


def allowed_by_the_system() -> int:
    """Say how many processors the system lets this process run on, whatever their share."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limits(groups: Path, own: Path) -> Iterator[float]:
    """Give the limits, in processors, of the own group and of all around it, where one is set."""
    if not own.exists():
        return
    named = [line.split(":", 2)[2].strip("/") for line in own.read_text().splitlines()]
    paths = {PurePosixPath(name) for name in named}
    for path in paths.union(*(path.parents for path in paths)):
        with suppress(OSError, ValueError):  # the file is not there, or it says `max`
            quota, period = (groups / path / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError):  # what groups were called before
            older = groups / "cpu" / path / "cpu.cfs_quota_us"
            quota, period = older.read_text(), older.with_name("cpu.cfs_period_us").read_text()
            if int(quota) > 0:
                yield int(quota) / int(period)
