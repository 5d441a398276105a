"""Which file a table means, however it writes the path."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from chajong.photos.formats import without_ending
from chajong.photos.raw_tables import RawDataError, examples, nfc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Candidates = defaultdict[str, set[str]]


def locate(named: Sequence[str], files: Iterable[str], table: Path) -> list[str | None]:
    """Find the files that a table names.

    Names are compared in NFC. A path that is no file's is compared by its end: tables are written
    on other machines, with other folders before the photos', from other folders, with endings in
    other letters, and without endings. What is certain goes first.

    Args:
        named: Paths with slashes, in NFC.
        files: Paths as on the disk, relative to the folder that the table's should be relative to.
        table: The table, for messages.

    Returns:
        For each name the file's path as on the disk, None where there is none.

    Raises:
        RawDataError: A name may mean several files, or several names mean one file.
    """
    exact = Candidates(set)
    for file in files:
        exact[nfc(file)].add(file)
    found = {name: _only(name, exact[name], table) for name in named if name in exact}
    free = sorted(set().union(*exact.values()) - set(found.values()))
    for loosened in (str, str.casefold, _without_case_and_ending):
        missing = sorted(set(named) - set(found))
        if not missing or not free:
            break
        found |= _found_by_ends(missing, free, loosened, table)
    _check_taken_once(found, table)
    return [found.get(name) for name in named]


def _only(name: str, candidates: set[str], table: Path) -> str:
    if len(candidates) > 1:
        message = (
            f"{table} gives the path {name!r}, which may be {examples(candidates)}: write it as "
            "it is on the disk, or rename a file."
        )
        raise RawDataError(message)
    return next(iter(candidates))


def _without_case_and_ending(path: str) -> str:
    return without_ending(path.casefold())


def _found_by_ends(
    missing: Sequence[str], files: Sequence[str], loosened: Callable[[str], str], table: Path
) -> dict[str, str]:
    """Find files that end as a name does, or that a name ends in."""
    by_end, whole = Candidates(set), Candidates(set)
    for file in files:
        ends = list(_ends(loosened(nfc(file))))
        for end in ends:
            by_end[end].add(file)
        # Also without train/ or test/, in whose place another machine has another folder.
        for end in ends[:2]:
            whole[end].add(file)
    candidates = {name: _candidates(loosened(name), by_end, whole) for name in missing}
    return {name: _only(name, files, table) for name, files in candidates.items() if files}


def _candidates(
    name: str, by_end: Mapping[str, set[str]], whole: Mapping[str, set[str]]
) -> set[str]:
    if name in by_end:
        return by_end[name]
    return next((whole[end] for end in _ends(name) if end in whole), set())


def _ends(path: str) -> Iterator[str]:
    """Give a path, and what is left of it without its first folders, the longest first."""
    parts = [part for part in path.split("/") if part]
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _check_taken_once(found: Mapping[str, str], table: Path) -> None:
    names: dict[str, list[str]] = defaultdict(list)
    for name, file in found.items():
        names[file].append(name)
    for file, sharing in names.items():
        if len(sharing) > 1:
            message = (
                f"{table} gives the paths {examples(sharing)}, and only {file!r} is like them: "
                "write them as they are on the disk."
            )
            raise RawDataError(message)
