"""Arrow files that are written whole or not at all, and mapped into memory when read."""

from __future__ import annotations

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
