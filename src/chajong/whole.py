"""Files and folders that are written whole or not at all.

They are written under another name beside their own and renamed when they are on the disk, so that
a run that is killed leaves what was there before. What it leaves under the other name is never
read, and the next write removes it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

UNFINISHED, REPLACED = ".unfinished", ".replaced"
"""What is added to a name while it is written, and while it makes room."""

_LEFTOVER = re.compile(r"(?P<folder>.+)(?P<state>\.unfinished|\.replaced)-[0-9a-f]{8}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block succeeds.

    Neither an interrupted run nor a full disk leaves half a file under the name.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        yield unfinished
        _to_disk(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path, known_by: str | None = None) -> Iterator[Path]:
    """Yield an empty folder beside `folder` that takes its place when the block succeeds.

    One process writes a folder at a time. A folder that is replaced is absent for the time of a
    rename; where a process is killed at that moment, the next write puts it back first.

    Args:
        folder: What is written; its parents are made. A link stays, and what it leads to is
            replaced.
        known_by: A file that tells an earlier folder of the same kind, which is replaced. A folder
            that holds anything else is not.

    Raises:
        FileExistsError: The folder holds something that would be lost.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    _check_replaceable(folder, known_by)
    unfinished = _other_name(folder, UNFINISHED)
    unfinished.mkdir()
    try:
        yield unfinished
        for path in (*unfinished.rglob("*"), unfinished):
            _to_disk(path)
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writes of a folder left beside it.

    Args:
        folder: The folder. Where it was killed while it was replaced, it is put back.
    """
    for path in sorted(folder.parent.iterdir()):
        found = _LEFTOVER.fullmatch(path.name)
        if found is None or found["folder"] != folder.name:
            continue
        if found["state"] == REPLACED and not folder.exists():
            logger.warning("Putting back %s, whose replacement was interrupted.", folder)
            path.rename(folder)
        else:
            logger.warning("Removing %s, which an interrupted run left behind.", path)
            shutil.rmtree(path)


def is_leftover(folder: Path) -> bool:
    """Tell the name of a folder that is being written, or was when its run was killed."""
    return _LEFTOVER.fullmatch(folder.name) is not None


def _check_replaceable(folder: Path, known_by: str | None) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if known_by is None or not (folder / known_by).exists():
        kind = f" and no {known_by}" if known_by else ""
        message = (
            f"{folder} holds something already{kind}, and is not written over: name another "
            "folder, or remove it."
        )
        raise FileExistsError(message)


def _put_in_place(unfinished: Path, folder: Path) -> None:
    if not folder.exists():
        unfinished.rename(folder)
        return
    replaced = _other_name(folder, REPLACED)
    folder.rename(replaced)
    try:
        unfinished.rename(folder)
    except BaseException:
        replaced.rename(folder)
        raise
    shutil.rmtree(replaced)


def _other_name(folder: Path, ending: str) -> Path:
    """Give a name of its own to every write: two at once fail rather than mix their files."""
    return folder.with_name(f"{folder.name}{ending}-{token_hex(4)}")


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
