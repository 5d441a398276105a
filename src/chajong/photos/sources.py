"""New photos from anywhere: a folder, a file, a glob, a list, or an address that fsspec knows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from unicodedata import normalize

from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.files import find_files, is_of_the_system
from chajong.photos.formats import PHOTO_ENDINGS
from chajong.photos.photo_file import MAX_BYTES, check_bytes, read_photo_file
from chajong.photos.raw_tables import (
    RawDataError,
    check_filled,
    plain_name,
    read_columns,
    read_header,
    tidy_path,
)
from chajong.photos.table_paths import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GLOB_SIGNS = "*?["

LIST_COLUMNS = ("photo", "img_path")
"""Columns of a CSV list that hold addresses."""


class PhotoSourceError(RawDataError):
    """A place without photos; the message names it and the fix."""


@dataclass(frozen=True)
class PhotoSource:
    """A photo that is read when it is asked for.

    Attributes:
        name: What answers call it, by `plain_name`: its path below the place that was given.
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
            a list are relative to it, and found as those of raw tables are. Hidden files and
            folders, and what operating systems leave, are left out of folders and globs.

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
        replace(source, name=plain_name(source.address)) if counts[source.name] > 1 else source
        for source in found
    ]


def _found_at(address: str) -> list[PhotoSource]:
    try:
        if Path(address).suffix.lower() in (".txt", ".csv"):
            return _listed(Path(address).expanduser())
        return _below(address)
    except PhotoSourceError:
        raise
    except RawDataError as error:
        raise PhotoSourceError(str(error)) from error


def _below(address: str) -> list[PhotoSource]:
    """Find a photo, the photos below a folder, or those that a glob matches."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    try:
        files, path = fsspec.url_to_fs(address)
        if files.isfile(path):
            return [PhotoSource(plain_name(PurePosixPath(path).name), address)]
        local = isinstance(files, LocalFileSystem)
        paths = _local_photos(path) if local else _remote_photos(files, path)
    except RawDataError:
        raise
    except (ImportError, OSError, ValueError) as error:
        raise PhotoSourceError(f"{address} cannot be looked into: {error}") from error
    if not paths:
        message = (
            f"There is no photo in {address}: give a folder of photos "
            f"({', '.join(PHOTO_ENDINGS)}), a photo, a glob such as 'photos/**/*.jpg', or a .txt "
            "or .csv list."
        )
        raise PhotoSourceError(message)
    root = _common_folder(paths)
    outer = f"::{address.split('::', 1)[1]}" if "::" in address else ""
    return [
        _found(found.removeprefix(root), found if local else files.unstrip_protocol(found) + outer)
        for found in paths
    ]


def _found(below: str, address: str) -> PhotoSource:
    folder = str(PurePosixPath(below).parent)
    return PhotoSource(plain_name(below), address, None if folder == "." else plain_name(folder))


def _local_photos(path: str) -> list[str]:
    """List the photos below a folder, or those of them that a glob matches.

    Folders that exist are no part of the glob, so that they may be named `[2025] photos`.
    """
    from fsspec.utils import glob_translate

    parts = Path(path).parts
    folders = [Path(*parts[:count]) for count in range(1, len(parts) + 1)]
    folder = [each for each in folders if each.is_dir()][-1]
    pattern = "/".join(parts[len(folder.parts) :])
    if pattern and not any(sign in pattern for sign in _GLOB_SIGNS):
        return []
    matches = re.compile(glob_translate(pattern) if pattern else "").match
    return [str(folder / photo) for photo in find_files(folder).photos if matches(photo)]


def _remote_photos(files: object, path: str) -> list[str]:
    from fsspec import AbstractFileSystem

    assert isinstance(files, AbstractFileSystem)
    is_glob = any(sign in path for sign in _GLOB_SIGNS) and not files.isdir(path)
    found = (files.glob if is_glob else files.find)(path, detail=True)
    return sorted(
        each
        for each, described in found.items()
        if described["type"] != "directory"
        and each.lower().endswith(PHOTO_ENDINGS)
        and not any(map(is_of_the_system, PurePosixPath(each.removeprefix(path)).parts))
    )


def _common_folder(paths: Iterable[str]) -> str:
    """Return the longest folder that all paths lie below, with its closing slash."""
    from os.path import commonpath

    folders = [str(PurePosixPath(path).parent) for path in paths]
    common = commonpath(folders)
    return f"{common}/" if common not in ("", "/") else common


def _listed(file: Path) -> list[PhotoSource]:
    rows = _csv_rows(file) if file.suffix.lower() == ".csv" else _lines(file)
    if not rows:
        raise PhotoSourceError(f"The list {file} names no photo: add one a line.")
    addresses = _addresses([photo for photo, _ in rows], file)
    return [
        PhotoSource(plain_name(photo), address, vehicle)
        for (photo, vehicle), address in zip(rows, addresses, strict=True)
    ]


def _lines(file: Path) -> list[tuple[str, str | None]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The list {file} cannot be read ({error}): save it as a text in UTF-8."
        raise PhotoSourceError(message) from error
    return [(line.strip(), None) for line in text.split("\n") if line.strip()]


def _csv_rows(file: Path) -> list[tuple[str, str | None]]:
    columns = [LIST_COLUMNS, *([("vehicle",)] if "vehicle" in read_header(file) else [])]
    photos, *vehicles = read_columns(file, columns)
    check_filled(photos, file, "photo")
    of_vehicle = [vehicle.strip() or None for vehicle in (vehicles or [[""] * len(photos)])[0]]
    return [(photo.strip(), vehicle) for photo, vehicle in zip(photos, of_vehicle, strict=True)]


def _addresses(photos: Sequence[str], file: Path) -> list[str]:
    """Make addresses that are relative to their list absolute, as they are on the disk."""
    folder = file.parent.resolve()
    paths = {photo: photo if "://" in photo else _existing(folder, photo) for photo in photos}
    if missing := [photo for photo, path in paths.items() if path is None]:
        below = find_files(folder).photos
        found = locate([tidy_path(photo, file) for photo in missing], below, file)
        if len(missing) == len(paths) and not any(found):
            message = (
                f"None of the {len(paths):,} photos that {file} names exists, for example "
                f"{missing[0]!r}: its addresses must be absolute, or relative to {folder}."
            )
            raise PhotoSourceError(message)
        for photo, path in zip(missing, found, strict=True):
            paths[photo] = str(folder / (path or photo))
    return [str(paths[photo]) for photo in photos]


def _existing(folder: Path, photo: str) -> str | None:
    """Give a photo's path if there is such a file, in either of Unicode's forms."""
    for form in ("NFC", "NFD"):
        path = folder / Path(normalize(form, photo)).expanduser()
        if path.exists():
            return str(path)
    return None
