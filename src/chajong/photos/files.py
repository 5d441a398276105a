"""What a folder holds: each file once, and what kind of thing it is."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chajong.photos.formats import HEAD_BYTES, PHOTO_ENDINGS, format_of
from chajong.photos.raw_tables import RawDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LEFT_BY_SYSTEMS = frozenset(
    {
        "__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "lost+found", "$recycle.bin",
        "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
    }
)  # fmt: skip

_SURROGATE = re.compile("[\ud800-\udfff]")

Identity = tuple[int, int]


@dataclass
class FoundFiles:
    """The files below a folder; paths are relative to the root and exactly as on the disk.

    Attributes:
        photos: Files with a photo's ending or a photo's first bytes, sorted.
        others: Files that are no photos, sorted.
        folders: Folders that were looked into, sorted.
        leftovers: Hidden files and folders, and what operating systems leave; such a folder is not
            looked into.
        repeated: Links to folders that are listed already, or that hold this one.
    """

    photos: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)


def find_files(root: Path, top: str = "") -> FoundFiles:
    """List the files below a folder; links are followed, and each real folder is listed once.

    Args:
        root: What paths are relative to.
        top: The folder below it to list; "" is the root itself. Where it does not exist nothing
            is found.

    Raises:
        RawDataError: A folder cannot be listed.
    """
    found = FoundFiles()
    if not (root / top).is_dir():
        return found
    listed = set(_folders_around(root / top))
    folders, links = [top], list[str]()
    while folders or links:
        # Real folders come first, so that it does not depend on names which of two is the link.
        is_link = not folders
        folder = links.pop(0) if is_link else folders.pop()
        identity = _identity(root / folder)
        if identity in listed:
            found.repeated.append(folder)
            continue
        listed |= {identity, *_folders_around(root / folder)} if is_link else {identity}
        if folder != top:
            found.folders.append(folder)
        for entry in _entries(root / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_of_the_system(entry.name):
                found.leftovers.append(path)
            elif _is_folder(entry):
                (links if entry.is_symlink() else folders).append(path)
            else:
                (found.photos if _is_photo(entry) else found.others).append(path)
    for paths in vars(found).values():
        paths.sort()
    return found


def is_of_the_system(name: str) -> bool:
    """Say whether a file or folder is hidden, or left by an operating system."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise RawDataError(f"{error.filename} cannot be listed: {error.strerror}.") from error


def _folders_around(folder: Path) -> Iterator[Identity]:
    return (_identity(around) for around in folder.resolve().parents)


def _identity(folder: Path) -> Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_photo(entry: os.DirEntry[str]) -> bool:
    if entry.name.lower().endswith(PHOTO_ENDINGS):
        return True
    with suppress(OSError):  # what cannot be opened begins like nothing
        if entry.is_file():
            with Path(entry.path).open("rb") as file:
                return format_of(file.read(HEAD_BYTES)) is not None
    return False


@dataclass(frozen=True)
class PhotoTree:
    """The files of a raw folder, each part of it listed once.

    Attributes:
        root: The raw folder.
    """

    root: Path
    _listed: dict[str, FoundFiles] = field(default_factory=dict)

    def below(self, top: str) -> FoundFiles:
        """List the files below a folder; see `find_files`.

        Args:
            top: The folder, relative to the root.

        Raises:
            RawDataError: A folder cannot be listed, or names of photos are not in UTF-8.
        """
        if top not in self._listed:
            found = find_files(self.root, top)
            _check_utf8(self.root, found.photos)
            self._listed[top] = found
        return self._listed[top]

    def others(self) -> list[str]:
        """List the folders that nobody asked for, as they are called on the disk."""
        return [
            entry.name
            for entry in _entries(self.root)
            if not {entry.name, ""} & self._listed.keys()
            and not is_of_the_system(entry.name)
            and _is_folder(entry)
        ]


def _check_utf8(root: Path, paths: Sequence[str]) -> None:
    # What is no UTF-8 on the disk comes as lone surrogates.
    if broken := [path for path in paths if _SURROGATE.search(path)]:
        message = (
            f"{len(broken):,} photos in {root} have names that are not in UTF-8, for example "
            f"{broken[0]!r}: rename them. What a Korean Windows packed is renamed by `convmv -r "
            f"--notest -f cp949 -t utf-8 {root}`."
        )
        raise RawDataError(message)
