"""The file of a photo, and whose fault it is where its bytes cannot be had."""

from __future__ import annotations

import errno
import stat
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from chajong.photos.decode import UnreadablePhotoError
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BYTES = 200_000_000
"""A larger file is not read."""

VANISHED = "the file changed or vanished"
CLOSED = "the file cannot be opened"
STORAGE_FAILED = "the storage failed, not the photo"
OUT_OF_REACH = (VANISHED, CLOSED, STORAGE_FAILED)
"""How the reasons begin that another try may do away with."""

WAITS = (0.05, 0.2, 0.8)
"""Seconds before another try where the storage failed."""

MAX_FAILED, MAX_FAILED_SHARE = 2, 0.01
"""So many photos, or so large a share of them, may fail to be read without stopping a run."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
# Errors that another try gives again.
_LASTING = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    }
)


class PhotoStorageError(SlipError, RuntimeError):
    """Too many photos could not be read; the message says how many, why, and what to do."""


def read_photo_file(path: Path, most: int | None = None) -> bytes:
    """Read a photo's file after a look at what it is.

    Args:
        path: Where it is.
        most: How many of its first bytes to read, None for all.

    Raises:
        UnreadablePhotoError: It is too large, or no file but a pipe, a device or a folder.
        OSError: It cannot be opened, or the storage failed.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise UnreadablePhotoError(f"{kind}, not a photo's file")
    check_bytes(found.st_size)
    with path.open("rb") as file:
        return file.read(most)


def check_bytes(size: int) -> None:
    """Check the size of a file before, or while, it is read.

    Raises:
        UnreadablePhotoError: It is larger than any photo.
    """
    if size > MAX_BYTES:
        message = f"the file has {size:,} bytes, more than the limit of {MAX_BYTES:,}"
        raise UnreadablePhotoError(message)


class PatientReading:
    """Reads photos, again where the storage fails, and gives up where it fails for too many.

    A damaged photo is a fault of its own. Where bytes cannot be had, a disk, a network or
    permissions fail, and results without these photos would be those of another data set.

    Attributes:
        failed: Why photos could not be read, by their names.
    """

    def __init__(self, photos: int) -> None:
        """Start to count.

        Args:
            photos: How many there are to read.
        """
        self.failed: dict[str, str] = {}
        self._photos = photos
        self._kinds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def read(self, name: str, read: Callable[[], bytes]) -> bytes:
        """Read one photo; several threads may do so at once.

        Args:
            name: What the photo is called.
            read: Reads it, as `read_photo_file` does.

        Raises:
            UnreadablePhotoError: It cannot be read.
            PhotoStorageError: Neither can too many others.
        """
        waits = iter(WAITS)
        while True:
            try:
                return read()
            except OSError as error:
                wait = None if _lasts(error) else next(waits, None)
                if wait is None:
                    self._note(name, error)
                    raise UnreadablePhotoError(self.failed[name]) from error
                time.sleep(wait)

    def _note(self, name: str, error: OSError) -> None:
        kind = error.strerror or str(error) or type(error).__name__
        with self._lock:
            self._kinds[kind] += name not in self.failed
            self.failed[name] = _reason(error, kind)
            if len(self.failed) > max(MAX_FAILED, MAX_FAILED_SHARE * self._photos):
                raise PhotoStorageError(self._message(name)) from error

    def _message(self, name: str) -> str:
        kinds = ", ".join(f"{kind}: {count:,}" for kind, count in self._kinds.most_common())
        return (
            f"{len(self.failed):,} of {self._photos:,} photos or more cannot be read ({kinds}), "
            f"for example {name}. So many are no bad photos: the disk, the network or permissions "
            "fail. Earlier results stay as they are. Put that right, or take these files out of "
            "the folder, and run again."
        )


def _lasts(error: OSError) -> bool:
    return isinstance(error, FileNotFoundError) or error.errno in _LASTING


def _reason(error: OSError, kind: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{VANISHED} while photos were read"
    if _lasts(error):
        return f"{CLOSED}: {kind}"
    return f"{STORAGE_FAILED}: {kind}, {len(WAITS) + 1} times"
