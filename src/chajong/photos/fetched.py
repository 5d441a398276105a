"""A raw folder that lies elsewhere, on S3, GCS or wherever fsspec reaches, copied to this disk."""

from __future__ import annotations

import json
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING

from chajong.inside import inside
from chajong.photos.raw_tables import RawDataError
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fsspec import AbstractFileSystem

AT_ONCE = 256
"""Files that are fetched together; an interrupted copy loses no more."""


def fetch_folder(address: str, folder: Path) -> None:
    """Make a local copy of a remote folder the same as it is now.

    Files that are there and did not change since are not fetched again; those that are gone there
    are removed here. An interrupted copy goes on where it stopped.

    Args:
        address: A folder, as fsspec names it: ``s3://bucket/photos``.
        folder: Its copy, which nobody else writes to.

    Raises:
        RawDataError: The address cannot be reached, or nothing is there.
        OutsideError: A file's name leads out of the folder.
        FullDiskError: There is no room for the copy.
    """
    import fsspec
    from tqdm import tqdm

    try:
        files, top = fsspec.url_to_fs(address)
        there = _listed(files, top)
    except (ImportError, OSError, ValueError) as error:
        raise RawDataError(f"{address} cannot be looked into: {error}") from error
    if not there:
        message = f"There is no file in {address}: name your photos with --params raw_dir=<folder>."
        raise RawDataError(message)
    note = folder.with_name(f"{folder.name}.json")
    here: dict[str, str] = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    for name in [name for name, state in here.items() if there.get(name) != state]:
        inside(folder, name).unlink(missing_ok=True)
        del here[name]
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sorted(there.keys() - here.keys())
    with tqdm(total=len(wanted), desc=f"Fetching {address}", unit=" files") as progress:
        for start in range(0, len(wanted), AT_ONCE):
            names = wanted[start : start + AT_ONCE]
            _fetch(files, top, names, folder)
            here |= {name: there[name] for name in names}
            with whole_file(note) as unfinished:
                unfinished.write_text(json.dumps(here, ensure_ascii=False), encoding="utf-8")
            progress.update(len(names))


def _listed(files: AbstractFileSystem, top: str) -> dict[str, str]:
    """Give the files below a folder by their relative names, each with what changes when it does.

    That is what `AbstractFileSystem.ukey` hashes, without a question for each file.
    """
    return {
        path.removeprefix(top).lstrip("/"): sha256(str(described).encode()).hexdigest()
        for path, described in files.find(top, detail=True).items()
    }


def _fetch(files: AbstractFileSystem, top: str, names: Sequence[str], folder: Path) -> None:
    paths = [inside(folder, name) for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        unfinished = [str(stack.enter_context(whole_file(path))) for path in paths]
        files.get([f"{top}/{name}" for name in names], unfinished)
