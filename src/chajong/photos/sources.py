"""New photos from anywhere: a folder, a file, a glob, a list, or an address that fsspec knows."""

from __future__ import annotations

from collections import Counter
from csv import DictReader
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from unicodedata import normalize

from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.photo_file import MAX_BYTES, check_bytes, read_photo_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
"""Endings of photos in a folder or a glob, in any case; a photo that is named may have any."""

LIST_COLUMNS = ("photo", "img_path")
"""Columns of a CSV list that hold addresses."""


class PhotoSourceError(ValueError):
    """A place without photos; the message names it and the fix."""


@dataclass(frozen=True)
class PhotoSource:
    """A photo that is read when it is asked for.

    Attributes:
        name: What answers call it, in NFC: its path below the place that was given.
        address: Where it is: a path exactly as on the disk, or what fsspec calls it.
        vehicle: What tells its vehicle from others, None where that is not known.
    """

    name: str
    address: str
    vehicle: str | None = None

    def read(self) -> bytes:
        """Read the file.

        Raises:
            UnreadablePhotoError: It is missing, is too large, or is no file.
            OSError: It cannot be opened, or the storage failed.
        """
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        try:
            # A path may hold what has a meaning in fsspec's addresses, such as "::".
            if "://" not in self.address:
                return read_photo_file(Path(self.address).expanduser())
            files, path = fsspec.url_to_fs(self.address)
            if isinstance(files, LocalFileSystem):
                return read_photo_file(Path(path))
            with files.open(path, "rb") as file:
                data: bytes = file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise UnreadablePhotoError("there is no such file") from error
        check_bytes(len(data))
        return data


def find_photos(place: str | Path | Sequence[str | Path]) -> list[PhotoSource]:
    """Find photos.

    Args:
        place: One place or several: a folder (with all folders below it), a photo, a glob, a
            `.txt` list of one address a line, a `.csv` list with a column `photo` (or `img_path`)
            and perhaps `vehicle`, or an fsspec address of a folder, a photo or a glob. Addresses in
            a list are relative to it. Hidden files in folders and globs are left out.

    Returns:
        The photos, in the order of a list, else by name. Outside lists, a photo's vehicle is the
        folder that it is in; photos that lie in the place itself have none. Photos of several
        places that would have one name are called by their whole addresses.

    Raises:
        PhotoSourceError: There is no photo, or the list cannot be read.
    """
    if isinstance(place, str | Path):
        return _found_at(str(place))
    found = [source for each in place for source in _found_at(str(each))]
    counts = Counter(source.name for source in found)
    return [
        replace(source, name=_name(source.address)) if counts[source.name] > 1 else source
        for source in found
    ]


def _found_at(address: str) -> list[PhotoSource]:
    if Path(address).suffix.lower() in (".txt", ".csv"):
        return _listed(Path(address).expanduser())
    return _below(address)


def _below(address: str) -> list[PhotoSource]:
    """Find a photo, the photos below a folder, or those that a glob matches."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    try:
        files, path = fsspec.url_to_fs(address)
        if files.isfile(path):
            return [PhotoSource(_name(PurePosixPath(path).name), address)]
        paths = _matching(files, path)
    except (ImportError, OSError, ValueError) as error:
        raise PhotoSourceError(f"{address} cannot be looked into: {error}") from error
    if not paths:
        message = (
            f"There is no photo in {address}: give a folder with {', '.join(SUFFIXES)} files, a "
            "photo, a glob such as 'photos/**/*.jpg', or a .txt or .csv list."
        )
        raise PhotoSourceError(message)
    root = _common_folder(paths)
    outer = f"::{address.split('::', 1)[1]}" if "::" in address else ""
    local = isinstance(files, LocalFileSystem)
    return [
        _found(found.removeprefix(root), found if local else files.unstrip_protocol(found) + outer)
        for found in paths
    ]


def _found(below: str, address: str) -> PhotoSource:
    folder = str(PurePosixPath(below).parent)
    return PhotoSource(_name(below), address, None if folder == "." else _name(folder))


def _matching(files: object, path: str) -> list[str]:
    from fsspec import AbstractFileSystem

    assert isinstance(files, AbstractFileSystem)
    is_glob = any(sign in path for sign in "*?[") and not files.isdir(path)
    found = (files.glob if is_glob else files.find)(path, detail=True)
    return sorted(
        each
        for each, described in found.items()
        if described["type"] != "directory"
        and each.lower().endswith(SUFFIXES)
        and not PurePosixPath(each).name.startswith(".")
    )


def _common_folder(paths: Iterable[str]) -> str:
    """Return the longest folder that all paths lie below, with its closing slash."""
    from os.path import commonpath

    folders = [str(PurePosixPath(path).parent) for path in paths]
    common = commonpath(folders)
    return f"{common}/" if common not in ("", "/") else common


def _name(text: str) -> str:
    return normalize("NFC", text)


def _listed(file: Path) -> list[PhotoSource]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PhotoSourceError(f"The list {file} cannot be read: {error}") from error
    rows = _csv_rows(text, file) if file.suffix.lower() == ".csv" else _lines(text)
    if not rows:
        raise PhotoSourceError(f"The list {file} names no photo: add one a line.")
    return [PhotoSource(_name(photo), _resolved(photo, file), vehicle) for photo, vehicle in rows]


def _lines(text: str) -> list[tuple[str, str | None]]:
    return [(line.strip(), None) for line in text.splitlines() if line.strip()]


def _csv_rows(text: str, file: Path) -> list[tuple[str, str | None]]:
    reader = DictReader(text.splitlines())
    column = next((name for name in LIST_COLUMNS if name in (reader.fieldnames or ())), None)
    if column is None:
        found = ", ".join(reader.fieldnames or ()) or "none"
        message = f"The list {file} has no column `photo` (its columns: {found}): name one so."
        raise PhotoSourceError(message)
    return [(row[column].strip(), row.get("vehicle") or None) for row in reader if row[column]]


def _resolved(photo: str, file: Path) -> str:
    """Make an address that is relative to its list absolute."""
    if "://" in photo or Path(photo).is_absolute():
        return photo
    return str(file.parent.resolve() / photo)
