"""The folder that runs write to: one at a time, of the same photos, and nothing half-written."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING
from unicodedata import normalize

from filelock import FileLock, Timeout

from chajong.slip import SlipError
from chajong.whole import remove_all_leftovers, whole_file

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, HOLDER = ".lock", ".running.json"

PHOTOS, OF_PHOTOS = "03_primary/photos.parquet", "01_raw/raw_dir.txt"
"""What a folder knows of the photos that its results are of: the table, and where they were."""

COMPARED_PHOTOS = 12


class OccupiedError(SlipError, RuntimeError):
    """A folder that another run writes to; the message says which run and since when."""


class UnwritableError(SlipError, OSError):
    """A folder that cannot be written to; the message says why."""


class OtherPhotosError(SlipError, ValueError):
    """A folder with results of other photos; the message names them and both ways out."""


def claim(folder: Path, address: str, photos: Path, *, replace: bool) -> None:
    """See that a folder's results are of the photos that a run reads, and note where these are.

    Args:
        folder: What the run writes to.
        address: The run's ``raw_dir``, as an absolute path or as fsspec names it.
        photos: The photos on this disk; where they were moved to, they are known by their content.
        replace: Whether they may take the place of others.

    Raises:
        OtherPhotosError: The results are of other photos, which these may not replace.
    """
    note = folder / OF_PHOTOS
    place = address if "://" in address else normalize("NFC", os.path.realpath(address))
    before = os.fsdecode(note.read_bytes()) if note.is_file() else None
    if before == place:
        return
    cannot_tell = before is None and not photos.exists()  # they are at an address, and not fetched
    if not (replace or cannot_tell or _same_photos(folder / PHOTOS, photos)):
        message = (
            f"{folder} has results of {f'the photos in {before}' if before else 'other photos'}, "
            f"and this run reads {address}. Give these a folder of their own: --params "
            f"raw_dir={address},data_dir=<folder>. To put them in place of the others, add "
            "replace_photos=true."
        )
        if before:
            message += f" If you mean the photos of before: --params raw_dir={before}."
        raise OtherPhotosError(message)
    note.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(note) as unfinished:
        unfinished.write_bytes(os.fsencode(place))


def _same_photos(table: Path, photos: Path) -> bool:
    """Tell whether a folder has at least half of a few photos of a table, or there is no table."""
    from chajong.tables import read_parquet

    try:
        rows = read_parquet(table).select(["split", "path", "sha256"]).to_pylist()
    except (OSError, ValueError):  # a damaged one, too, is made again
        return True
    known = [row for row in rows if row["split"] == "train" and row["sha256"]]
    some = known[:: max(1, len(known) // COMPARED_PHOTOS)]
    return 2 * sum(_is_there(photos, row["path"], row["sha256"]) for row in some) >= len(some)


def _is_there(photos: Path, path: str, digest: str) -> bool:
    spelled = (photos / each for each in (path, normalize("NFC", path), normalize("NFD", path)))
    found = next((each for each in spelled if each.is_file()), None)
    return found is not None and sha256(found.read_bytes()).hexdigest() == digest


def occupy(folder: Path) -> BaseFileLock:
    """Take a folder for one run, and remove what killed runs left in it.

    Args:
        folder: Made where it does not exist.

    Returns:
        The lock; the system releases it when the process ends, however it ends.

    Raises:
        OccupiedError: Another run has it.
        UnwritableError: The folder cannot be written to.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        message = (
            f"{folder} cannot be written to ({error.strerror}). Name another folder with --params "
            "data_dir=<folder>."
        )
        raise UnwritableError(message) from error
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
