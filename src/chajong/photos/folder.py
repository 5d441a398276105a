"""The raw photo folder: which photos there are, and what its tables say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from chajong.photos.files import PhotoTree
from chajong.photos.groups import NO_GROUPS, GroupSettings, given_groups
from chajong.photos.layout import label_train, located, note_leftovers
from chajong.photos.photo_file import read_photo_file
from chajong.photos.raw_tables import (
    Notes,
    RawDataError,
    check_distinct,
    check_filled,
    check_is_folder,
    examples,
    nfc,
    plain_name,
    read_columns,
    read_header,
    table_at,
    tidy_path,
)

__all__ = ["PhotoFolder", "RawDataError", "scan_photo_folder"]

RESERVED_NAMES = frozenset(
    {"ID", "photo_id", "split", "fold", "label_counts", "photo", "vehicle", "status", "reason"}
)
"""Columns beside those of the classes in tables of predictions and answers."""

_LISTING_COLUMNS = ("photo_id", "path", "split", "class_name", "group", "found")
_NAMELESS = re.compile(r"\s*|Unnamed: \d+")
"""Columns that pandas and commas at the ends of lines leave."""


@dataclass(frozen=True, eq=False)
class PhotoFolder:
    """A folder of photos in the challenge's layout.

    Attributes:
        root: The folder.
        listing: One row a photo, train photos before test photos: `photo_id` (train: the path
            relative to the folder, see `plain_name`; test: the ID), `path` (relative, exactly as
            on the disk), `split` ("train" or "test"), `class_name` (NFC; missing for test photos),
            `group` (the vehicle or listing, or missing) and `found` (whether the file exists).
        class_names: The columns of sample_submission.csv in their order, else the train classes
            sorted.
        submission_columns: The same names as sample_submission.csv spells them: in NFC or NFD.
        submission_ids: The IDs of sample_submission.csv in their order, else the test photos'.
        layout: What labels the train photos and what lists the test photos.
        left_out: What is in the folder and is not used, one sentence with a number a kind.
        warnings: What else a person should know, one sentence each.
    """

    root: Path
    listing: pd.DataFrame
    class_names: tuple[str, ...]
    submission_columns: tuple[str, ...]
    submission_ids: tuple[str, ...]
    layout: str
    left_out: tuple[str, ...]
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
    root: Path, train_table: str | None = None, groups: GroupSettings = NO_GROUPS
) -> PhotoFolder:
    """List the photos of a folder in the challenge's layout.

    No photo is opened but those of other endings, whose first bytes say that they are photos, and
    train photos that are grouped by the time in their files. Only `train/` is required; see
    `label_train` for what labels its photos.

    Args:
        root: The folder that holds `train/` and, optionally, `test/`, `test.csv`,
            `sample_submission.csv` and `groups.csv`.
        train_table: A CSV, relative to `root`, with a column `path` or `img_path` (relative to
            `root`) and a column `label`, `class` or `class_name`.
        groups: What tells which photos show one vehicle.

    Raises:
        RawDataError: The folder is not in this layout, or its tables contradict each other.
    """
    check_is_folder(root)
    tree, notes = PhotoTree(root), Notes()
    submission = table_at(root, "sample_submission.csv")
    columns = _class_columns(submission, notes) if submission else ()
    train = label_train(tree, train_table, [nfc(column) for column in columns])
    notes.extend(train.notes)
    _check_names(root, train.classes.union(map(nfc, columns)))
    test, listed_by = _test(tree, notes)
    _check_ids(root, train.photos["photo_id"], test["photo_id"])
    listing = pd.concat([train.photos.assign(split="train"), test.assign(split="test")])
    listing = listing.reset_index(drop=True).astype({"found": bool})
    listing["group"] = given_groups(root, listing, train.table, groups, notes)
    ids = tuple(test["photo_id"])
    if submission:
        ids = _submission_ids(submission, ids, notes)
        _check_classes(submission, train.classes, columns, notes)
    notes.leave_out("folders beside train/ and test/ that are not looked into", tree.others())
    columns = columns or tuple(sorted(train.classes))
    return PhotoFolder(
        root=root,
        listing=listing[list(_LISTING_COLUMNS)],
        class_names=tuple(nfc(column) for column in columns),
        submission_columns=columns,
        submission_ids=ids,
        layout=f"train photos labelled by {train.said}, test photos listed by {listed_by}"
        + _grouped(listing["group"]),
        left_out=tuple(notes.left_out),
        warnings=tuple(notes.warnings),
    )


def _grouped(groups: pd.Series[str]) -> str:
    shared = int((groups.value_counts() > 1).sum())
    return f", vehicles or listings with several photos: {shared:,}" if shared else ""


def _check_names(root: Path, classes: set[str]) -> None:
    if taken := classes & RESERVED_NAMES:
        message = (
            f"{root} has a class {examples(taken)}, and tables of predictions have another column "
            "of that name. Rename the class: its folder or its label, and its column in "
            "sample_submission.csv."
        )
        raise RawDataError(message)


def _check_ids(root: Path, train: pd.Series[str], test: pd.Series[str]) -> None:
    """See that no test photo is called as a train photo, whose path is its ID."""
    if shared := set(train) & set(test):
        message = (
            f"{root} has test photos with the IDs of train photos, which are called by their "
            f"paths: {examples(shared)}. Give the test photos other IDs in test.csv."
        )
        raise RawDataError(message)


def _test(tree: PhotoTree, notes: Notes) -> tuple[pd.DataFrame, str]:
    """List the test photos, and say what lists them."""
    if table := table_at(tree.root, "test.csv"):
        return _test_from_table(tree, table, notes), table.name
    found = tree.below("test")
    note_leftovers(found, "test", notes)
    if inside := [photo for photo in found.photos if photo.count("/") > 1]:
        notes.warnings.append(
            f"photos in folders in test/: {len(inside):,} ({examples(inside)}); what the folders "
            "are called does not count. To learn from these labels move the folders into train/."
        )
    ids = [plain_name(PurePosixPath(photo).stem) for photo in found.photos]
    _check_distinct_names(ids, found.photos)
    test = pd.DataFrame({"photo_id": ids, "path": found.photos, "found": True})
    return test.sort_values("photo_id", ignore_index=True), "their names in test/"


def _check_distinct_names(ids: list[str], photos: list[str]) -> None:
    first: dict[str, str] = {}
    for name, photo in zip(ids, photos, strict=True):
        if (other := first.setdefault(name, photo)) != photo:
            message = (
                f"{other!r} and {photo!r} would both be the test photo {name!r}: rename one, give "
                "them IDs in test.csv (columns ID and img_path), or move the folders into train/ "
                "if they are classes."
            )
            raise RawDataError(message)


def _test_from_table(tree: PhotoTree, table: Path, notes: Notes) -> pd.DataFrame:
    ids, paths = read_columns(table, [("ID",), ("img_path", "path")])
    check_filled(ids, table, "ID")
    check_distinct(ids, table, "ID")
    test = located(tree, "test", [tidy_path(path, table) for path in paths], table, notes)
    test["photo_id"] = ids
    return test


def _class_columns(submission: Path, notes: Notes) -> tuple[str, ...]:
    """Read the columns of the classes, as they are spelled."""
    columns = [column for column in read_header(submission) if column != "ID"]
    nameless = [column for column in columns if _NAMELESS.fullmatch(column)]
    if nameless:
        notes.warnings.append(
            f"columns of {submission.name} without a name, taken for no class: "
            f"{len(nameless):,} (pandas writes row numbers so, unless it is told index=False)."
        )
    classes = tuple(column for column in columns if column not in nameless)
    check_distinct(map(nfc, classes), submission, "column")
    if steering := [column for column in classes if plain_name(column) != nfc(column)]:
        message = f"{submission} has control characters in the column {steering[0]!r}: remove them."
        raise RawDataError(message)
    return classes


def _check_classes(
    submission: Path, train_classes: set[str], columns: tuple[str, ...], notes: Notes
) -> None:
    classes = {nfc(column) for column in columns}
    if unknown := train_classes - classes:
        message = (
            f"{submission} has no column for the train class {examples(unknown)}: rename the "
            "class, or add the column."
        )
        raise RawDataError(message)
    if empty := classes - train_classes:
        notes.warnings.append(
            f"classes of {submission.name} without train photos: {len(empty):,} "
            f"({examples(empty)})."
        )


def _submission_ids(submission: Path, test_ids: tuple[str, ...], notes: Notes) -> tuple[str, ...]:
    (ids,) = read_columns(submission, [("ID",)])
    check_distinct(ids, submission, "ID")
    if not test_ids:
        notes.warnings.append(
            f"{submission.name} lists {len(ids)} IDs, but there are no test photos."
        )
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
