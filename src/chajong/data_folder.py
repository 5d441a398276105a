"""The folder that runs write to: one run at a time, and nothing half-written from the last one."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from chajong.whole import remove_all_leftovers

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, HOLDER = ".lock", ".running.json"


class OccupiedError(RuntimeError):
    """A folder that another run writes to; the message says which run and since when."""


def occupy(folder: Path) -> BaseFileLock:
    """Take a folder for one run, and remove what killed runs left in it.

    Args:
        folder: Made where it does not exist.

    Returns:
        The lock; the system releases it when the process ends, however it ends.

    Raises:
        OccupiedError: Another run has it.
        OSError: The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        message = (
            f"Another run is writing to {folder}{_described(folder)}. Wait until it has ended, or "
            "give this run a folder of its own with --params data_dir=<folder>."
        )
        raise OccupiedError(message) from error
    remove_all_leftovers(folder)
    holder = {
        "process": os.getpid(),
        "computer": gethostname(),
        "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}",
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    (folder / HOLDER).write_text(json.dumps(holder, ensure_ascii=False), encoding="utf-8")
    return lock


def _described(folder: Path) -> str:
    """Say who has a folder, as far as they have written it down by now."""
    try:
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        who = f"process {holder['process']} on {holder['computer']}"
        return f" since {holder['since']} ({who}: {holder['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
