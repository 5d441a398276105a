"""Arrow files that are written whole or not at all, and mapped into memory when read."""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

from chajong.whole import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as an Arrow IPC file.

    The file appears under its name when it is complete, so neither an interrupted run nor a full
    disk leaves half a file behind.

    Args:
        table: The table, with its schema's metadata.
        path: The file to write or replace.

    Raises:
        OSError: The file cannot be written, for example because the disk is full.
    """
    import pyarrow as pa

    with whole_file(path) as unfinished, pa.ipc.new_file(str(unfinished), table.schema) as file:
        file.write_table(table)


def read_table(path: Path) -> pa.Table:
    """Map an Arrow IPC file into memory.

    Args:
        path: The file.

    Returns:
        The table; its columns stay on disk until they are read.
    """
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def map_table(path: Path) -> tuple[pa.Table, mmap]:
    """Map an Arrow IPC file into memory that can be let go of while the table is used.

    Args:
        path: The file.

    Returns:
        The table, and its pages: `madvise(MADV_DONTNEED)` leaves them to the disk until they are
        read again.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        pages = mmap(file.fileno(), 0, access=ACCESS_READ)
    return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(pages))).read_all(), pages
