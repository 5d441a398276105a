"""Which photos there are in train/, and what labels them: their folders, or a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from chajong.photos.formats import PHOTO_ENDINGS
from chajong.photos.raw_tables import (
    Notes,
    RawDataError,
    check_distinct,
    check_filled,
    examples,
    plain_name,
    read_columns,
    table_at,
    tidy_path,
)
from chajong.photos.table_paths import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from chajong.photos.files import FoundFiles, PhotoTree

PATH_COLUMNS = ("path", "img_path")
CLASS_COLUMNS = ("label", "class", "class_name")
TRAIN_TABLES = ("train_df.csv", "train.csv")

_CLASS_TABLE = f"{TRAIN_TABLES[0]} (columns {PATH_COLUMNS[0]} and {CLASS_COLUMNS[0]})"


@dataclass(frozen=True, eq=False)
class Labelled:
    """The train photos as one reading of a folder labels them.

    Attributes:
        photos: One row a photo, sorted by `photo_id` (the path relative to the raw folder, in
            NFC): `path` (as on the disk), `class_name` and `found` (whether the file exists).
        said: What labels them, for people.
        table: The table that labels them, None where it is their folders.
        notes: What is left out, and what was understood.
    """

    photos: pd.DataFrame
    said: str
    table: Path | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def classes(self) -> set[str]:
        """The names of the classes."""
        return set(self.photos["class_name"])


def label_train(tree: PhotoTree, named: str | None, columns: Collection[str]) -> Labelled:
    """List the train photos with their labels.

    Folders in train/ label the photos in them, unless a table labels them otherwise or only it has
    the classes of the submission.

    Args:
        tree: The raw folder.
        named: A table that a person named; then it labels the photos.
        columns: The classes of the submission in NFC; empty where they are not known.

    Raises:
        RawDataError: Neither labels photos of two classes or more.
    """
    if named is not None:
        return _by_table(tree, tree.root / named)
    _check_there_is_train(tree.root)
    tables = [table for name in TRAIN_TABLES if (table := table_at(tree.root, name))]
    by_tables = [_attempt(partial(_by_table, tree, table)) for table in tables]
    by_folders = _attempt(partial(_by_folders, tree, columns))
    chosen = _choose(by_folders, by_tables, columns)
    for table, reading in zip(tables, by_tables, strict=True):
        if reading is not chosen:
            chosen.notes.warnings += _why_not(table, reading, chosen)
    if chosen.table and isinstance(by_folders, Labelled):
        chosen.notes.warnings.append(
            f"{chosen.table.name} labels the train photos, and not their folders "
            f"({_difference(by_folders, chosen)}): take it away to have the "
            f"{len(by_folders.classes):,} folders as classes."
        )
    return chosen


def _attempt(read: Callable[[], Labelled]) -> Labelled | RawDataError:
    try:
        return read()
    except RawDataError as error:
        return error


def _check_there_is_train(root: Path) -> None:
    if not (root / "train").is_dir():
        present = examples(entry.name for entry in root.iterdir())
        message = (
            f"{root} has no folder train/, only {present or 'nothing'}. Put one folder a class "
            "there, or name another folder with --params raw_dir=<folder>."
        )
        raise RawDataError(message)


def _choose(
    by_folders: Labelled | RawDataError,
    by_tables: Sequence[Labelled | RawDataError],
    columns: Collection[str],
) -> Labelled:
    """Choose a reading: one with the submission's classes, folders before tables that agree."""
    possible = [each for each in (by_folders, *by_tables) if isinstance(each, Labelled)]
    if not possible:
        raise next(each for each in (*by_tables, by_folders) if isinstance(each, RawDataError))
    fitting = [each for each in possible if each.classes.issubset(columns)] or possible
    other = [each for each in fitting if each is not by_folders]
    if by_folders in fitting:
        assert isinstance(by_folders, Labelled)
        other = [each for each in other if _difference(by_folders, each)]
    return other[0] if other else fitting[0]


def _difference(one: Labelled, other: Labelled) -> str:
    """Name a photo that two readings label differently; empty where there is none."""
    both = one.photos.merge(other.photos, on="photo_id")
    differing = both[both["class_name_x"] != both["class_name_y"]]
    if differing.empty:
        return ""
    photo, first, second = differing[["photo_id", "class_name_x", "class_name_y"]].iloc[0]
    return f"photos that differ: {len(differing):,}, such as {photo!r}: {second!r}, not {first!r}"


def _why_not(table: Path, reading: Labelled | RawDataError, chosen: Labelled) -> list[str]:
    """Say why a table does not label the photos; nothing where it would change nothing."""
    if isinstance(reading, RawDataError):
        return [f"{table.name} is not used. {reading}"]
    if set(reading.photos["photo_id"]) == set(chosen.photos["photo_id"]):
        if not (difference := _difference(chosen, reading)):
            return []
        reason = difference
    else:
        reason = f"it lists {len(reading.photos):,} photos, and {len(chosen.photos):,} are used"
    return [
        f"{table.name} is not used, {chosen.said} label the train photos ({reason}): "
        f"--params train_table={table.name} takes it."
    ]


def _by_table(tree: PhotoTree, table: Path) -> Labelled:
    paths, classes = read_columns(table, [PATH_COLUMNS, CLASS_COLUMNS])
    check_filled(classes, table, "class")
    notes = Notes()
    photos = located(tree, "train", [tidy_path(path, table) for path in paths], table, notes)
    photos["photo_id"] = [plain_name(path) for path in photos["path"]]
    check_distinct(photos["photo_id"], table, "photo")
    photos["class_name"] = classes
    _check_two_classes(classes, f"{table} names")
    return Labelled(photos.sort_values("photo_id", ignore_index=True), table.name, table, notes)


def located(
    tree: PhotoTree, top: str, named: Sequence[str], table: Path, notes: Notes
) -> pd.DataFrame:
    """Find the photos that a table names.

    Args:
        tree: The raw folder.
        top: The folder that they should be in, "train" or "test".
        named: Their paths, from `tidy_path`.
        table: The table, for messages.
        notes: Gains what is not listed, and how names differ from those on the disk.

    Returns:
        One row a name: `path`, as on the disk or, where there is no such file, as named; and
        `found`, whether there is one.

    Raises:
        RawDataError: No photo is found, or a name may mean several.
    """
    if not named:
        raise RawDataError(f"{table} lists no photo: add a row a photo, or take the table away.")
    tops = {top, *(name.split("/")[0] for name in named if "/" in name)}
    parts = [each for each in sorted(tops) if each and (tree.root / each).is_dir()] or [""]
    files = [file for part in parts for file in tree.below(part).photos + tree.below(part).others]
    found = locate(named, files, table)
    if not any(found):
        message = (
            f"None of the {len(named):,} photos that {table} names exists, for example "
            f"{examples(named, 1)}: its paths must be relative to {tree.root}. Correct them, or "
            "take the table away."
        )
        raise RawDataError(message)
    otherwise = [(name, file) for name, file in zip(named, found, strict=True) if file]
    otherwise = [(name, file) for name, file in otherwise if plain_name(file) != name]
    if otherwise:
        name, file = otherwise[0]
        notes.warnings.append(
            f"paths of {table.name} that are not as on the disk and were found by their ends: "
            f"{len(otherwise):,} ({name!r} as {file!r})."
        )
    below = tree.below(top)
    unlisted = sorted(set(below.photos).difference(filter(None, found)))
    notes.leave_out(f"photos in {top}/ that {table.name} does not list", unlisted)
    note_leftovers(below, top, notes)
    paths = [file or name for name, file in zip(named, found, strict=True)]
    return pd.DataFrame({"path": paths, "found": [file is not None for file in found]})


def note_leftovers(found: FoundFiles, top: str, notes: Notes) -> None:
    """Note the files in a folder that are no photos of it.

    Args:
        found: What is in the folder.
        top: Its name.
        notes: Gains one sentence a kind.
    """
    notes.leave_out(f"files in {top}/ that are no photos", found.others)
    notes.leave_out(f"hidden and system files and folders in {top}/", found.leftovers)
    notes.leave_out(f"links in {top}/ to folders that are listed already", found.repeated)


def _by_folders(tree: PhotoTree, columns: Collection[str]) -> Labelled:
    found = tree.below("train")
    innermost = _innermost_folders(found.photos)
    folder_of = {photo: _folder(photo) for photo in found.photos if _folder(photo) in innermost}
    outer_of = {photo: _outer(photo) for photo in found.photos if photo.count("/") > 1}
    notes = Notes()
    if (
        outer_of != folder_of
        and _names(outer_of) <= set(columns)
        and not _names(folder_of) <= set(columns)
    ):
        folder_of = outer_of
        notes.warnings.append(
            "Photos in folders below train/<class>/ are taken as the class's, as "
            "sample_submission.csv names the outer folders."
        )
    elif any(folder.count("/") > 1 for folder in innermost):
        _check_one_place_a_class(innermost, tree.root)
        notes.warnings.append(
            f"train/ holds folders in folders: the {len(innermost):,} innermost ones, such as "
            f"{min(innermost)!r}, are taken as the classes. To have outer ones as classes "
            f"({examples(_names(outer_of))}), put their photos directly into them."
        )
    return _labelled_by(folder_of, found, tree.root, notes)


def _innermost_folders(photos: Iterable[str]) -> set[str]:
    """Give the folders that may be classes: those in train/, else those that first hold photos."""
    holding = {_folder(photo) for photo in photos} - {"train"}
    direct = {folder for folder in holding if folder.count("/") == 1}
    nested = {
        folder
        for folder in holding
        if not any(str(around) in holding for around in PurePosixPath(folder).parents)
    }
    return direct or nested


def _check_one_place_a_class(folders: Iterable[str], root: Path) -> None:
    places = defaultdict[str, list[str]](list)
    for folder in sorted(folders):
        places[_name(folder)].append(folder)
    if twice := [places for places in places.values() if len(places) > 1]:
        message = (
            f"{root / 'train'} has no photos in its folders, only in folders below them, and "
            f"{examples(twice[0])} have one name, so that it is not clear which folders are the "
            f"classes. Put the photos into train/<class>/, or label them in {_CLASS_TABLE}."
        )
        raise RawDataError(message)


def _labelled_by(
    folder_of: dict[str, str], found: FoundFiles, root: Path, notes: Notes
) -> Labelled:
    """Lay out photos by the folder that labels each, and note what is not used."""
    if not folder_of:
        message = (
            f"{root / 'train'} has no photos in class folders: put them at train/<class>/<photo> "
            f"({', '.join(PHOTO_ENDINGS)}), or label them in {_CLASS_TABLE}."
        )
        raise RawDataError(message)
    photos = pd.DataFrame(
        {
            "path": list(folder_of),
            "photo_id": [plain_name(photo) for photo in folder_of],
            "class_name": [_name(folder) for folder in folder_of.values()],
            "found": True,
        }
    )
    _check_same_ids(folder_of)
    _check_two_classes(photos["class_name"], f"{root / 'train'} has photos in")
    unused = [photo for photo in found.photos if photo not in folder_of]
    loose = [photo for photo in unused if _folder(photo) == "train"]
    notes.leave_out("photos in train/ that are in no class folder", loose)
    notes.leave_out(
        "photos deeper than their class folder",
        sorted(set(unused) - set(loose)),
        "; put them directly into train/<class>/ to use them",
    )
    used = {_outer(photo) for photo in folder_of}
    notes.leave_out(
        "folders in train/ without photos of their own, which give no class",
        [folder for folder in found.folders if folder.count("/") == 1 and folder not in used],
    )
    note_leftovers(found, "train", notes)
    _warn_of_unicode_forms(folder_of.values(), notes)
    count = photos["class_name"].nunique()
    return Labelled(
        photos.sort_values("photo_id", ignore_index=True), f"{count:,} folders", None, notes
    )


def _warn_of_unicode_forms(folders: Iterable[str], notes: Notes) -> None:
    for name, count in Counter(plain_name(folder) for folder in set(folders)).items():
        if count > 1:
            notes.warnings.append(
                f"{count} folders are named {name} in different Unicode forms (NFC, NFD): their "
                "photos are one class."
            )


def _check_same_ids(paths: Iterable[str]) -> None:
    first: dict[str, str] = {}
    for path in paths:
        if (twin := first.setdefault(plain_name(path), path)) != path:
            message = (
                f"{twin!a} and {path!a} differ only in Unicode's composed (NFC) and "
                f"decomposed (NFD) form, so both would be {plain_name(path)}: rename one of the "
                "files."
            )
            raise RawDataError(message)


def _check_two_classes(classes: Iterable[str], where: str) -> None:
    if len(names := set(classes)) < 2:
        message = (
            f"{where} one class only, {examples(names)}: telling cars apart takes two or more. "
            f"Put one folder a class into train/, or label the photos in {_CLASS_TABLE}."
        )
        raise RawDataError(message)


def _names(folder_of: dict[str, str]) -> set[str]:
    return {_name(folder) for folder in folder_of.values()}


def _name(folder: str) -> str:
    return plain_name(folder.rpartition("/")[2])


def _folder(photo: str) -> str:
    return photo.rpartition("/")[0]


def _outer(photo: str) -> str:
    """Give the folder in train/ that a photo lies below."""
    return "/".join(photo.split("/")[:2])
