"""What was written, told by size and hash: a flipped bit or a lost part is found on loading.

A folder holds a ``manifest.json``. What is kept of a single file lies beside it under a hidden
name, for the file as it is and as it was before: wherever a run is killed, one of them is right.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from xxhash import xxh3_128, xxh3_128_hexdigest

from chajong.inside import OutsideError, inside
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterator

AnyPath = TypeVar("AnyPath", bound=PurePath)

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"

NOTE = ".hash"
"""Ends the hidden name of what is kept of a single file."""

REMAKE = "Remove it and run `kedro run` again, which makes it anew."
"""The cure for what a run makes."""

_HASHES: dict[tuple[int, ...], str] = {}
"""Of files that this process has read, by what changes when a file does."""


class DamagedError(SlipError, ValueError):
    """Something stored that is not what was written; the message names the file and the cure."""


def fingerprint(path: Path) -> str:
    """Give a file's size and XXH3 hash as text; a file that did not change is read once.

    Raises:
        OSError: It cannot be read.
    """
    stat = path.stat()
    state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if state not in _HASHES:
        with path.open("rb") as file:
            digest = file_digest(file, xxh3_128)
        _HASHES[state] = digest.hexdigest()
    return f"{stat.st_size}-{_HASHES[state]}"


def content_of(path: Path) -> str:
    """Name a file, or all files of a folder, by their content; what is not there has a name, too.

    Raises:
        OSError: A file cannot be read.
    """
    if path.is_file():
        return fingerprint(path)
    return _digest_of(_fingerprints(path))


def _fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): fingerprint(path) for path in files}


def seal_folder(folder: Path) -> None:
    """Write the manifest of all files in a folder."""
    files = _fingerprints(folder)
    files.pop(MANIFEST, None)
    sealed = {"files": files, "of": _digest_of(files)}
    text = json.dumps(sealed, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def check_folder(folder: Path, cure: str) -> None:
    """See that every file of a folder is as it was written; files besides are not looked at.

    Args:
        folder: Written by `chajong.whole.whole_folder`.
        cure: What a person does about a damaged one, a sentence.

    Raises:
        DamagedError: A file differs or is missing, or there is no manifest.
        OSError: A file cannot be read.
    """
    for name, written in files_of_manifest(folder, cure).items():
        _check(inside(folder, name), [written], cure)


def is_complete(folder: Path) -> bool:
    """Tell whether a folder has every file of its manifest, at its size; contents are not read.

    What was copied halfway, or lost files, is not; a warning says so.
    """
    try:
        files = files_of_manifest(folder, "")
        whole = all((folder / name).stat().st_size == _size(each) for name, each in files.items())
    except (ValueError, FileNotFoundError):
        whole = False
    if not whole:
        logger.warning("%s is not complete, and is left out: remove it, or copy it again.", folder)
    return whole


def _size(written: str) -> int:
    return int(written.partition("-")[0])


def _digest_of(files: dict[str, str]) -> str:
    return xxh3_128_hexdigest(json.dumps(files).encode())


def files_of_manifest(folder: Path, cure: str) -> dict[str, str]:
    """Read which files a folder was written with, each with its fingerprint, by relative names.

    Raises:
        DamagedError: There is no manifest, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        sealed = json.loads(path.read_text(encoding="utf-8"))
        files: dict[str, str] = sealed["files"]
        is_whole = sealed["of"] == _digest_of(files)
    except FileNotFoundError as error:
        message = f"{folder} has no {MANIFEST}, so it cannot be told whether it is whole. {cure}"
        raise DamagedError(message) from error
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedError(f"{path} is damaged. {cure}") from error
    if not is_whole:
        raise DamagedError(f"{path} is damaged. {cure}")
    return files


def seal_file(path: Path, content: Path) -> None:
    """Keep the fingerprint of what is about to take a file's place.

    Args:
        path: The file.
        content: Its new content, under another name.
    """
    note = note_of(path)
    before = note.read_text(encoding="utf-8").split()[:1] if note.exists() else []
    unfinished = content.with_name(f".{content.name}")
    unfinished.write_text("\n".join([fingerprint(content), *before]) + "\n", encoding="utf-8")
    unfinished.replace(note)


def check_file(path: Path, cure: str) -> None:
    """See that a file is as it was written; one that nothing is known of passes.

    Args:
        path: The file.
        cure: What a person does about a damaged one, a sentence.

    Raises:
        DamagedError: It differs.
        OSError: It cannot be read.
    """
    found = fingerprint(path)
    if (note := note_of(path)).exists():
        _check(path, _seals_in(note), cure, found)


def sealed_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """List the files below a folder that were sealed, each with its size and hash as written.

    What was sealed badly is passed over, and what people put there is not sealed. Files are neither
    read nor looked for.
    """
    for path in sorted(folder.rglob(MANIFEST)):
        with suppress(DamagedError, OutsideError):
            for name, seal in files_of_manifest(path.parent, "").items():
                yield inside(path.parent, name), seal
    for note in sorted(folder.rglob(note_of(Path("*")).name)):
        name = note.name.removeprefix(".").removesuffix(NOTE)
        yield from ((note.with_name(name), seal) for seal in _seals_in(note)[:1])


def note_of(path: AnyPath) -> AnyPath:
    """Say where the fingerprint of a single file is kept."""
    return path.with_name(f".{path.name}{NOTE}")


def _seals_in(note: Path) -> list[str]:
    return note.read_text(encoding="utf-8", errors="replace").split()


def _check(path: Path, written: list[str], cure: str, found: str | None = None) -> None:
    try:
        found = found or fingerprint(path)
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing. {cure}") from error
    if found in written:
        return
    sizes = [each.partition("-")[0] for each in written]
    size = found.partition("-")[0]
    what = "its content is not" if size in sizes else f"it has {int(size):,} bytes, which is not"
    raise DamagedError(f"{path} is damaged: {what} what was written. {cure}")
