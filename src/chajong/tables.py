"""Tables on the disk: Arrow files that are mapped into memory, Parquet files, and CSV for people.

They are written whole or not at all; all but CSV are checked when they are read.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

from chajong.manifest import REMAKE, DamagedError, check_file
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

_COMPUTED = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""How text begins that a spreadsheet takes for a formula, or that was made harmless before."""


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as an Arrow IPC file.

    Args:
        table: The table, with its schema's metadata.
        path: The file to write or replace.

    Raises:
        FullDiskError: There is no room.
        OSError: The file cannot be written.
    """
    import pyarrow as pa

    with (
        whole_file(path, sealed=True, size=table.nbytes) as unfinished,
        pa.ipc.new_file(str(unfinished), table.schema) as file,
    ):
        file.write_table(table)


def read_table(path: Path, cure: str = REMAKE) -> pa.Table:
    """Map an Arrow IPC file into memory.

    Args:
        path: The file.
        cure: What is done about a damaged one, a sentence.

    Returns:
        The table; its columns stay on disk until they are read.

    Raises:
        DamagedError: It is not what was written, or no Arrow file.
        OSError: It cannot be read.
    """
    import pyarrow as pa

    with _whole(path, cure):
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def map_table(path: Path) -> tuple[pa.Table, mmap]:
    """Map an Arrow IPC file into memory that can be let go of while the table is used.

    Args:
        path: The file.

    Returns:
        The table, and its pages: `madvise(MADV_DONTNEED)` leaves them to the disk until they are
        read again.

    Raises:
        DamagedError: It is not what was written, or no Arrow file.
        OSError: It cannot be read.
    """
    import pyarrow as pa

    with _whole(path, REMAKE):
        with path.open("rb") as file:
            pages = mmap(file.fileno(), 0, access=ACCESS_READ)
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(pages))).read_all(), pages


def write_parquet(table: pa.Table, path: Path, dictionaries: list[str] | bool = True) -> None:
    """Write a table as a Parquet file.

    Args:
        table: The table, with its schema's metadata.
        path: The file to write or replace.
        dictionaries: Columns whose values repeat, or whether to look for them.

    Raises:
        FullDiskError: There is no room.
        OSError: The file cannot be written.
    """
    import pyarrow.parquet as pq

    with whole_file(path, sealed=True) as unfinished:
        pq.write_table(table, unfinished, use_dictionary=dictionaries)


def read_parquet(path: Path) -> pa.Table:
    """Read a Parquet file.

    Args:
        path: The file.

    Raises:
        DamagedError: It is not what was written, or no Parquet file.
        OSError: It cannot be read.
    """
    import pyarrow.parquet as pq

    # Not the path: a folder named `<key>=<value>` would otherwise be read as a partition column.
    with _whole(path, REMAKE), path.open("rb") as file:
        return pq.read_table(file)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as a CSV file for people, with a BOM by which spreadsheets know UTF-8.

    Text that a spreadsheet would compute, in names of columns too, begins with an apostrophe; all
    text is in quotes, so that neither a break nor another separator in it begins a new cell.

    Raises:
        FullDiskError: There is no room.
        OSError: The file cannot be written.
    """
    shown = table.copy()
    for column in table.select_dtypes(exclude="number"):
        shown[column] = table[column].map(_shown)
    shown = shown.rename(columns=_shown)
    with whole_file(path) as unfinished:
        shown.to_csv(
            unfinished,
            index=False,
            encoding="utf-8-sig",
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,
        )


def _shown(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and is_computed(value) else value


def is_computed(text: str) -> bool:
    """Tell text that a spreadsheet may compute, such as ``=HYPERLINK(...)``."""
    return _COMPUTED.match(text) is not None


def as_named(text: str) -> str:
    """Give the name that a person copied from a table that `write_csv` wrote."""
    return text[1:] if text.startswith("'") and is_computed(text) else text


@contextmanager
def _whole(path: Path, cure: str) -> Iterator[None]:
    """Check a file before it is read, and say which it was where the reader fails all the same."""
    import pyarrow as pa

    check_file(path, cure)
    try:
        yield
    except (pa.ArrowException, ValueError) as error:  # an empty file cannot be mapped
        raise DamagedError(f"{path} is damaged ({error}). {cure}") from error
