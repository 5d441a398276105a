"""The raw photo folder: which photos there are, and what its tables say of them."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

import pandas as pd

from chajong.photos.photo_file import read_photo_file
from chajong.photos.raw_tables import (
    RawDataError,
    check_distinct,
    check_filled,
    examples,
    nfc,
    read_columns,
    read_header,
    relative_path,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PHOTO_EXTENSIONS", "PhotoFolder", "RawDataError", "scan_photo_folder"]

PHOTO_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})

_TRAIN_TABLES = ("train_df.csv", "train.csv")
_LISTING_COLUMNS = ("photo_id", "path", "split", "class_name", "group", "found")
_PATH_COLUMNS = ("path", "img_path")
_CLASS_COLUMNS = ("label", "class", "class_name")


@dataclass(frozen=True, eq=False)
class PhotoFolder:
    """A folder of photos in the challenge's layout.

    Attributes:
        root: The folder.
        listing: One row a photo, train photos before test photos: `photo_id` (train: the path
            relative to the folder, in NFC; test: the ID), `path` (relative, exactly as on the
            disk), `split` ("train" or "test"), `class_name` (NFC; missing for test photos),
            `group` (the vehicle or listing, or missing) and `found` (whether the file exists).
        class_names: The columns of sample_submission.csv in their order, else the train classes
            sorted.
        submission_columns: The same names as sample_submission.csv spells them: in NFC or NFD.
        submission_ids: The IDs of sample_submission.csv in their order, else the test photos'.
        warnings: What a person should know, one sentence each.
    """

    root: Path
    listing: pd.DataFrame
    class_names: tuple[str, ...]
    submission_columns: tuple[str, ...]
    submission_ids: tuple[str, ...]
    warnings: tuple[str, ...]

    def read(self, path: str) -> bytes:
        """Read a photo's file.

        Args:
            path: From the listing.

        Raises:
            UnreadablePhotoError: It is too large, or no file but a pipe, a device or a folder.
            OSError: It cannot be read.
        """
        return read_photo_file(self.root / path)


def scan_photo_folder(
    root: Path, train_table: str | None = None, group_column: str | None = None
) -> PhotoFolder:
    """List the photos of a folder in the challenge's layout; no photo is opened.

    Only `train/` is required. Its photos are labelled by their folders, or by `train_table`; a
    `train_df.csv` or `train.csv` is used on its own where `train/` has no folders.

    Args:
        root: The folder that holds `train/` and, optionally, `test/`, `test.csv`,
            `sample_submission.csv` and `groups.csv`.
        train_table: A CSV, relative to `root`, with a column `path` or `img_path` (relative to
            `root`) and a column `label`, `class` or `class_name`.
        group_column: The column of the train table, or of `groups.csv` (beside a column `photo_id`
            or `path`), that names the vehicle or listing of a photo.

    Raises:
        RawDataError: The folder is not in this layout, or its tables contradict each other.
    """
    warnings: list[str] = []
    table = _train_table(root, train_table)
    train = (
        _train_from_table(root, table, warnings) if table else _train_from_folders(root, warnings)
    )
    test = _test(root, warnings)
    listing = pd.concat([train, test], ignore_index=True).astype({"found": bool})
    listing["group"] = _groups(root, listing["photo_id"], table, group_column, warnings)
    columns = tuple(sorted(train["class_name"].unique()))
    ids = tuple(test["photo_id"])
    if (submission := root / "sample_submission.csv").is_file():
        columns = _submission_columns(submission, set(columns), warnings)
        ids = _submission_ids(submission, ids, warnings)
    return PhotoFolder(
        root=root,
        listing=listing[list(_LISTING_COLUMNS)],
        class_names=tuple(nfc(column) for column in columns),
        submission_columns=columns,
        submission_ids=ids,
        warnings=tuple(warnings),
    )


def _train_table(root: Path, named: str | None) -> Path | None:
    """Find the table that labels the train photos, after checking that there are any."""
    if not root.is_dir():
        message = f"There is no folder {root}. Name your photos with --params raw_dir=<folder>."
        raise RawDataError(message)
    if named is not None:
        return root / named
    if not (root / "train").is_dir():
        present = examples(entry.name for entry in root.iterdir())
        message = (
            f"{root} has no folder train/, only {present or 'nothing'}. Put one folder a class "
            "there, or name another folder with --params raw_dir=<folder>."
        )
        raise RawDataError(message)
    has_folders = any(folder.count("/") == 1 for folder in _walk(root, "train")[1])
    tables = [root / name for name in _TRAIN_TABLES if (root / name).is_file()]
    return tables[0] if tables and not has_folders else None


def _train_from_folders(root: Path, warnings: list[str]) -> pd.DataFrame:
    files, folders = _walk(root, "train")
    photos = [file for file in files if _is_photo(file)]
    labelled = sorted(photo for photo in photos if photo.count("/") == 2)
    if not labelled:
        message = (
            f"{root / 'train'} has no photos in class folders: put them at train/<class>/<photo> "
            f"({', '.join(sorted(PHOTO_EXTENSIONS))}), or label them in {_TRAIN_TABLES[0]}."
        )
        raise RawDataError(message)
    class_folders = [folder for folder in folders if folder.count("/") == 1]
    _warn_of_leftovers(files, photos, labelled, class_folders, warnings)
    _check_same_ids(labelled)
    classes = [nfc(photo.split("/")[1]) for photo in labelled]
    rows = {"photo_id": [nfc(photo) for photo in labelled], "path": labelled, "split": "train"}
    train = pd.DataFrame({**rows, "class_name": classes, "found": True})
    return train.sort_values("photo_id", ignore_index=True)


def _warn_of_leftovers(
    files: Sequence[str],
    photos: Sequence[str],
    labelled: Sequence[str],
    class_folders: Sequence[str],
    warnings: list[str],
) -> None:
    """Say which files and folders of train/ are not used, and which are used as one."""
    if others := set(files) - set(photos):
        warnings.append(f"train/ holds files that are no photos: {examples(others)}.")
    if misplaced := set(photos) - set(labelled):
        warnings.append(
            "Photos in train/ are left out where they are not at train/<class>/<photo>: "
            f"{examples(misplaced)}."
        )
    used = {photo.rpartition("/")[0] for photo in labelled}
    warnings.extend(
        f"The class folder {folder} has no photos."
        for folder in sorted(class_folders)
        if folder not in used
    )
    for name, count in Counter(nfc(folder) for folder in class_folders).items():
        if count > 1:
            warnings.append(
                f"{count} folders are named {name} in different Unicode forms (NFC, NFD): their "
                "photos are one class."
            )


def _check_same_ids(paths: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for path in paths:
        if (twin := first.setdefault(nfc(path), path)) != path:
            message = (
                f"{twin!a} and {path!a} differ only in Unicode's composed (NFC) and "
                f"decomposed (NFD) form, so both would be {nfc(path)}: rename one of the files."
            )
            raise RawDataError(message)


def _train_from_table(root: Path, table: Path, warnings: list[str]) -> pd.DataFrame:
    paths, classes = read_columns(table, [_PATH_COLUMNS, _CLASS_COLUMNS])
    check_filled(classes, table, "class")
    photo_ids = [relative_path(path, table) for path in paths]
    check_distinct(photo_ids, table, "photo")
    train = _located(root, photo_ids).assign(split="train", class_name=classes)
    if not train["found"].any():
        message = (
            f"None of the {len(train)} photos that {table} names exists, for example "
            f"{examples(photo_ids, 1)}: its paths must be relative to {root}."
        )
        raise RawDataError(message)
    _warn_of_unlisted(root, "train", train["path"], table, warnings)
    train.insert(0, "photo_id", photo_ids)
    return train.sort_values("photo_id", ignore_index=True)


def _test(root: Path, warnings: list[str]) -> pd.DataFrame:
    if (table := root / "test.csv").is_file():
        return _test_from_table(root, table, warnings)
    files, _ = _walk(root, "test")
    photos = sorted(file for file in files if _is_photo(file))
    if others := set(files) - set(photos):
        warnings.append(f"test/ holds files that are no photos: {examples(others)}.")
    ids = [nfc(PurePosixPath(photo).stem) for photo in photos]
    check_distinct(ids, root / "test", "photo name")
    test = pd.DataFrame({"photo_id": ids, "path": photos, "split": "test", "found": True})
    return test.sort_values("photo_id", ignore_index=True)


def _test_from_table(root: Path, table: Path, warnings: list[str]) -> pd.DataFrame:
    ids, paths = read_columns(table, [("ID",), ("img_path", "path")])
    check_filled(ids, table, "ID")
    check_distinct(ids, table, "ID")
    test = _located(root, [relative_path(path, table) for path in paths]).assign(split="test")
    _warn_of_unlisted(root, "test", test["path"], table, warnings)
    test.insert(0, "photo_id", ids)
    return test


def _warn_of_unlisted(
    root: Path, folder: str, listed: pd.Series[str], table: Path, warnings: list[str]
) -> None:
    photos = {file for file in _walk(root, folder)[0] if _is_photo(file)}
    if unlisted := photos - set(listed):
        warnings.append(
            f"Photos in {folder}/ are left out, as {table.name} does not list them: "
            f"{examples(unlisted)}."
        )


def _located(root: Path, paths: Sequence[str]) -> pd.DataFrame:
    """Find the files that a table names: the columns path (as on the disk) and found.

    Names are compared in NFC; a file that is not there keeps the table's path.
    """
    folders = {path.split("/")[0] if "/" in path else "." for path in paths}
    on_disk = {nfc(file): file for folder in folders for file in _walk(root, folder)[0]}
    found = [path in on_disk for path in paths]
    return pd.DataFrame({"path": [on_disk.get(path, path) for path in paths], "found": found})


def _groups(
    root: Path,
    photo_ids: pd.Series[str],
    train_table: Path | None,
    column: str | None,
    warnings: list[str],
) -> pd.Series[str]:
    """Give the vehicle or listing of each photo, missing where none is named."""
    if column is None:
        return pd.Series(None, index=photo_ids.index, dtype="str")
    tables = [train_table] if train_table else []
    tables += [path for path in [root / "groups.csv"] if path.is_file()]
    holding = [table for table in tables if column in read_header(table)]
    if not holding:
        names = " or ".join(str(table) for table in [*tables, root / "groups.csv"][:2])
        raise RawDataError(f"group_column is {column!r}, but there is no such column in {names}.")
    table = holding[0]
    keys, groups = read_columns(table, [("photo_id", *_PATH_COLUMNS), (column,)])
    keys = [relative_path(key, table) for key in keys]
    check_distinct(keys, table, "photo")
    if unknown := set(keys) - set(photo_ids):
        warnings.append(f"{table.name} groups photos that do not exist: {examples(unknown)}.")
    return photo_ids.map({key: group for key, group in zip(keys, groups, strict=True) if group})


def _submission_columns(
    submission: Path, train_classes: set[str], warnings: list[str]
) -> tuple[str, ...]:
    columns = tuple(column for column in read_header(submission) if column != "ID")
    classes = {nfc(column) for column in columns}
    check_distinct(map(nfc, columns), submission, "column")
    if unknown := train_classes - classes:
        message = (
            f"{submission} has no column for the train class {examples(unknown)}: rename the "
            "class, or add the column."
        )
        raise RawDataError(message)
    if empty := classes - train_classes:
        warnings.append(f"Classes of {submission.name} without train photos: {examples(empty)}.")
    return columns


def _submission_ids(
    submission: Path, test_ids: Sequence[str], warnings: list[str]
) -> tuple[str, ...]:
    (ids,) = read_columns(submission, [("ID",)])
    check_distinct(ids, submission, "ID")
    if not test_ids:
        warnings.append(f"{submission.name} lists {len(ids)} IDs, but there are no test photos.")
        return ()
    for extra, place in (
        (set(ids) - set(test_ids), "is not among the test photos"),
        (set(test_ids) - set(ids), "is missing, although it is a test photo"),
    ):
        if extra:
            message = (
                f"In {submission} the ID {examples(extra)} {place}: make its IDs and those of "
                "test.csv (or the names in test/) the same."
            )
            raise RawDataError(message)
    return tuple(ids)


def _walk(root: Path, top: str) -> tuple[list[str], list[str]]:
    """List the files and folders below a folder, relative to the root; hidden ones are skipped."""

    def refuse(error: OSError) -> NoReturn:
        raise RawDataError(f"{error.filename} cannot be listed: {error.strerror}.") from error

    files: list[str] = []
    folders: list[str] = []
    if not (root / top).is_dir():
        return files, folders
    for folder, subfolders, names in os.walk(root / top, onerror=refuse, followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        prefix = "" if folder == str(root) else f"{Path(folder).relative_to(root).as_posix()}/"
        files += [prefix + name for name in names if not name.startswith(".")]
        folders += [prefix + name for name in subfolders]
    return files, folders


def _is_photo(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() in PHOTO_EXTENSIONS
