"""Files and folders that are written whole or not at all.

They are written under another name beside their own and renamed when they are on the disk, so that
a run that is killed leaves what was there before. What it leaves under the other name is never
read; the next write of a folder, and the next run, remove it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import TYPE_CHECKING

from chajong.manifest import fingerprint, seal_file, seal_folder, sealed_files
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

logger = logging.getLogger(__name__)

UNFINISHED, REPLACED = ".unfinished", ".replaced"
"""What is added to a name while it is written, and while it makes room."""

_LEFTOVER = re.compile(r"(?P<name>.+)(?P<state>\.unfinished|\.replaced)-[0-9a-f]{8}")

WORTH_SHARING = 1 << 16
"""Bytes below which a file is not worth a link."""

_NO_ROOM = 1 << 20
"""Free bytes below which a failed write is taken to have failed for them."""


class FullDiskError(SlipError, OSError):
    """A disk without room; the message names the disk, what is missing, and the cure."""


@contextmanager
def whole_file(path: Path, sealed: bool = False, size: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block succeeds.

    Neither an interrupted run nor a full disk leaves half a file under the name, and two writes at
    once do not mix: the later one stays.

    Args:
        path: The file; its folder exists.
        sealed: Whether `chajong.manifest.check_file` is to tell it from any other.
        size: Bytes that are about to be written, where that is known.

    Raises:
        FullDiskError: There is no room.
    """
    unfinished = _other_name(path, UNFINISHED)
    try:
        with room_on_disk(unfinished, size):
            yield unfinished
            _to_disk(unfinished)
            if sealed:
                seal_file(path, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path, known_by: str | None = None, sealed: bool = True) -> Iterator[Path]:
    """Yield an empty folder beside `folder` that takes its place when the block succeeds.

    One process writes a folder at a time. A folder that is replaced is absent for the time of a
    rename; where a process is killed at that moment, the next write puts it back first.

    Args:
        folder: What is written; its parents are made. A link stays, and what it leads to is
            replaced.
        known_by: A file that tells an earlier folder of the same kind, which is replaced. A folder
            that holds anything else is not.
        sealed: Whether `chajong.manifest.check_folder` is to tell it from any other.

    Raises:
        FileExistsError: The folder holds something that would be lost.
        FullDiskError: There is no room.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    _check_replaceable(folder, known_by)
    unfinished = _other_name(folder, UNFINISHED)
    unfinished.mkdir()
    try:
        with room_on_disk(unfinished):
            yield unfinished
            if sealed:
                seal_folder(unfinished)
            for path in (*unfinished.rglob("*"), unfinished):
                _to_disk(path)
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def room_on_disk(path: Path, size: int | None = None) -> Iterator[None]:
    """Say in words that a disk is full, whatever the library that writes to it says.

    Args:
        path: What is written, a file or a folder.
        size: Its bytes, where they are known.

    Raises:
        FullDiskError: A write inside the block failed for want of room.
    """
    try:
        yield
    except Exception as error:
        if not _is_for_want_of_room(error, path):
            raise
        written = _size(path)
        free = shutil.disk_usage(path.parent).free + written
        needed = f"about {size / 1e6:.1f} MB" if size else f"more than {written / 1e6:.1f} MB"
        message = (
            f"The disk of {path.parent} is full: {free / 1e6:.1f} MB are free, and "
            f"{_name_of(path)} needs {needed}. Make room, or write to "
            "another disk (--params data_dir=<folder>), and run again: what is finished is kept."
        )
        raise FullDiskError(errno.ENOSPC, message) from error


def _name_of(path: Path) -> str:
    found = _LEFTOVER.fullmatch(path.name)
    return found["name"] if found else path.name


def _is_for_want_of_room(error: Exception, path: Path) -> bool:
    """Tell it by the error, or, for libraries that hide the cause, by the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    full = shutil.disk_usage(path.parent).free < _NO_ROOM
    return "No space left" in str(error) or (full and isinstance(error, OSError | RuntimeError))


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def share_files(folder: Path, others: Iterable[Path]) -> None:
    """Keep once on the disk what a sealed folder has in common with others.

    A file of the folder that equals a sealed one of theirs becomes another name (a hard link) of
    it. That is safe because sealed files are written under another name and renamed, never changed
    in place: a new content or a removal leaves the other names as they were. A file that something
    else damages is damaged under all of its names, and every manifest says so. Where the disk knows
    no links, or has no name left for a file, the folder keeps its own.

    Args:
        folder: Written by `whole_folder`.
        others: Folders below which the same files may be; any of them may be absent.
    """
    folder = folder.resolve()
    alike: dict[str, list[Path]] = {}
    for other in others:
        for path, seal in sealed_files(other.resolve()):
            if not path.is_relative_to(folder):
                alike.setdefault(seal, []).append(path)
    for path, seal in sealed_files(folder):
        _become_one(path, [other for other in alike.get(seal, ()) if other.is_file()], seal)


def _become_one(path: Path, others: list[Path], seal: str) -> None:
    """Let a file be another name of one of its equals; those that were damaged are passed over."""
    if path.stat().st_size < WORTH_SHARING or any(path.samefile(other) for other in others):
        return
    for other in others:
        if fingerprint(other) == seal:
            unfinished = _other_name(path, UNFINISHED)
            with suppress(OSError):  # another disk, one without links, or too many links of a file
                os.link(other, unfinished)
                unfinished.replace(path)
                return


def bytes_on_disk(folder: Path) -> int:
    """Add up the files below a folder; one with several names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        if S_ISREG(stat.st_mode):
            sizes[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(sizes.values())


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writes of a folder left beside it.

    Args:
        folder: The folder. Where it was killed while it was replaced, it is put back.
    """
    for path in sorted(folder.parent.iterdir()):
        found = _LEFTOVER.fullmatch(path.name)
        if found is not None and found["name"] == folder.name:
            _settle(path, found)


def remove_all_leftovers(top: Path) -> None:
    """Remove what killed writes left anywhere below a folder; nobody else may be writing there."""
    for folder, names, files in os.walk(top):
        for name in (*names, *files):
            if (found := _LEFTOVER.fullmatch(name)) is not None:
                _settle(Path(folder, name), found)


def _settle(path: Path, found: re.Match[str]) -> None:
    """Put back what was being replaced, and remove everything else."""
    place = path.with_name(found["name"])
    if found["state"] == REPLACED and not place.exists():
        logger.warning("Putting back %s, whose replacement was interrupted.", place)
        path.rename(place)
        return
    logger.warning("Removing %s, which an interrupted run left behind.", path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def is_leftover(path: Path) -> bool:
    """Tell the name of what is being written, or was when its run was killed."""
    return _LEFTOVER.fullmatch(path.name) is not None


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


def _other_name(path: Path, ending: str) -> Path:
    """Give a name of its own to every write: two at once do not mix their files."""
    return path.with_name(f"{path.name}{ending}-{token_hex(4)}")


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
