"""The CSV files beside raw photos, as people really write them."""

from __future__ import annotations

import csv
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unicodedata import category, normalize

from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path


_UNPRINTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, lone surrogates, and ends of lines."""


class RawDataError(SlipError, ValueError):
    """The raw folder cannot be used as it is; the message names the file, the value and the fix."""


def check_is_folder(root: Path) -> None:
    """See that there is a folder of raw photos.

    Raises:
        RawDataError: There is none, or it is a file.
    """
    named = "ame your photos with --params raw_dir=<folder>."
    if root.is_file():
        raise RawDataError(f"{root} is a file, not a folder: unpack it, and n{named}")
    if not root.is_dir():
        raise RawDataError(f"There is no folder {root}. N{named}")


def nfc(text: str) -> str:
    """Give a text in Unicode's composed form: zips made on a Mac hold decomposed names."""
    return normalize("NFC", text)


def plain_name(path: str) -> str:
    r"""Give a file's or folder's name as it is shown, stored and compared.

    Args:
        path: As on the disk.

    Returns:
        The path in NFC. Control characters, with which a name could steer a terminal, and bytes
        that are no UTF-8 stand as Python writes them, such as `\x1b`.
    """
    composed = nfc(path)
    if composed.isprintable():
        return composed
    return "".join(repr(sign)[1:-1] if category(sign) in _UNPRINTED else sign for sign in composed)


def tidy_path(text: str, table: Path) -> str:
    r"""Tidy a path that a table gives.

    Args:
        text: For example "./test/TEST_00000.jpg" or "train\K5\1.jpg".
        table: The table, for the message.

    Returns:
        The path with slashes and in NFC.

    Raises:
        RawDataError: The path is blank.
    """
    path = posixpath.normpath(nfc(text.strip()).replace("\\", "/"))
    if path in {".", "..", "/"}:
        raise RawDataError(f"{table} gives the path {text!r}, which is no file's: fill it in.")
    return path


def read_columns(path: Path, columns: Iterable[Sequence[str]]) -> list[list[str]]:
    """Read columns of a CSV file as text.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        columns: For each column the names it may have; the first one present is read.

    Returns:
        The values of each column, in NFC. Rows without any value are left out.

    Raises:
        RawDataError: There is no such file, it is not a CSV in UTF-8, a column is missing, or a
            value holds control characters.
    """
    lines = _read_lines(path)
    header = next(lines)
    places = [header.index(_choose(path, header, names)) for names in columns]
    values: list[list[str]] = [[] for _ in places]
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            message = f"{path} has {len(line)} values in row {number}, but {len(header)} columns."
            raise RawDataError(message)
        for column, place in zip(values, places, strict=True):
            value = nfc(line[place])
            if plain_name(value) != value:
                message = f"{path} has control characters in row {number}: {value!r}. Remove them."
                raise RawDataError(message)
            column.append(value)
    return values


def read_header(path: Path) -> list[str]:
    """Read the column names of a CSV file.

    Args:
        path: The file, UTF-8 with or without a byte order mark.

    Returns:
        The names as they are in the file.

    Raises:
        RawDataError: There is no such file, it is empty, or it is not in UTF-8.
    """
    return next(_read_lines(path))


def table_at(root: Path, name: str) -> Path | None:
    """Find a table beside the photos; the letters of its name may be capitals."""
    found = sorted(each for each in root.iterdir() if each.name.lower() == name and each.is_file())
    return found[-1] if found else None


def check_distinct(values: Iterable[str], path: Path, what: str) -> None:
    """Raise RawDataError if a value occurs twice.

    Args:
        values: For example IDs.
        path: The table that holds them, for the message.
        what: The name of one such value in the message.
    """
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise RawDataError(f"{path} lists the {what} {value!r} twice: keep one of them.")
        seen.add(value)


def check_filled(values: Sequence[str], path: Path, what: str) -> None:
    """Raise RawDataError if a value is blank.

    Args:
        values: The column, from the first row after the header.
        path: The table that holds it, for the message.
        what: The name of one such value in the message.
    """
    for row, value in enumerate(values, start=2):
        if not value.strip():
            raise RawDataError(f"{path} has no {what} in row {row}: fill it in or remove it.")


def examples(values: Iterable[str], shown: int = 3) -> str:
    """Name a few of many values, and count the others."""
    ordered = sorted(values)
    named = ", ".join(repr(value) for value in ordered[:shown])
    return named if len(ordered) <= shown else f"{named} and {len(ordered) - shown} more"


@dataclass
class Notes:
    """What a person should know of a raw folder, one sentence each.

    Attributes:
        left_out: What is in the folder and is not used: each kind with its number.
        warnings: How the folder was understood where it could be understood otherwise, and what
            looks wrong.
    """

    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def leave_out(self, what: str, paths: Collection[str], cure: str = "") -> None:
        """Note a kind of files or folders that are not used, if there are any.

        Args:
            what: The kind, in the plural.
            paths: All of them.
            cure: What a person can do, as the end of the sentence.
        """
        if paths:
            self.left_out.append(f"{what}: {len(paths):,} ({examples(paths)}){cure}.")

    def extend(self, others: Notes) -> None:
        """Add other notes."""
        self.left_out += others.left_out
        self.warnings += others.warnings


def _read_lines(path: Path) -> Iterator[list[str]]:
    """Read the rows of a CSV file that hold any value; there is at least one."""
    empty = True
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.reader(file):
                if any(value.strip() for value in line):
                    empty = False
                    yield line
    except FileNotFoundError as error:
        raise RawDataError(f"There is no {path}. Add it, or name another table.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{path} cannot be read ({error}): save it as a CSV in UTF-8."
        raise RawDataError(message) from error
    if empty:
        raise RawDataError(f"{path} is empty: it needs a row of column names.")


def _choose(path: Path, header: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        if name in header:
            return name
    message = f"{path} has no column {' or '.join(map(repr, names))}, only {examples(header, 8)}."
    raise RawDataError(message)
