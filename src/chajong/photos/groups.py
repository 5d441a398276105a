"""Which photos show one vehicle, by what people have: a table, file names, or camera and time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.photos.layout import PATH_COLUMNS, TRAIN_TABLES
from chajong.photos.moments import read_moments
from chajong.photos.near_duplicates import connected_groups
from chajong.photos.raw_tables import (
    Notes,
    RawDataError,
    check_distinct,
    examples,
    nfc,
    read_columns,
    read_header,
    table_at,
    tidy_path,
)
from chajong.photos.table_paths import locate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EXAMPLE = r"listing_(\d+)_"


@dataclass(frozen=True)
class GroupSettings:
    r"""What tells which photos show one vehicle; all that are given count, and chains are joined.

    Attributes:
        column: A column of the train table, or of `groups.csv` (beside a column `photo_id` or
            `path`), that names the vehicle or listing of a photo.
        pattern: A regular expression that is searched in the file names of train photos, such as
            ``listing_(\d+)_``: what its groups match names the listing. One with a slash is
            searched in the path below the raw folder, as in ``/lot_(\d+)/``.
        minutes: Train photos of one camera, each taken at most so long after another, are of one
            vehicle; a photo without EXIF data is in no group.
    """

    column: str | None = None
    pattern: str | None = None
    minutes: float | None = None


NO_GROUPS = GroupSettings()


def given_groups(
    root: Path,
    listing: pd.DataFrame,
    train_table: Path | None,
    settings: GroupSettings,
    notes: Notes,
) -> pd.Series[str]:
    """Give the vehicle or listing of each photo.

    Args:
        root: The raw folder.
        listing: The columns photo_id, path, split, class_name and found.
        train_table: The table that labels the train photos.
        settings: What is known of groups.
        notes: Gains what a person should know of them.

    Returns:
        A name for each photo of the listing, missing where none is known.

    Raises:
        RawDataError: A setting makes no sense for these photos.
    """
    train = listing[listing["split"] == "train"]
    known = []
    if settings.column is not None:
        known.append(_by_column(root, listing, train_table, settings.column, notes))
    if settings.pattern is not None:
        known.append(_by_pattern(train, str(settings.pattern), notes))
    if settings.minutes is not None:
        known.append(_by_minutes(root, train[train["found"]], settings.minutes, notes))
    return _joined([each.dropna() for each in known]).reindex(listing.index).astype("str")


def _joined(known: Sequence[pd.Series[str]]) -> pd.Series[str]:
    """Join groups of several kinds through the photos that they share, and number the chains."""
    if len(known) < 2:
        return known[0] if known else pd.Series(dtype="str")
    names = [(kind, name) for kind, groups in enumerate(known) for name in groups]
    number_of = {name: number for number, name in enumerate(dict.fromkeys(names))}
    rows = np.concatenate([groups.index for groups in known])
    photos, places = np.unique(rows, return_inverse=True)
    # The graph's items are the photos and, after them, the groups.
    links = np.column_stack([places, [len(photos) + number_of[name] for name in names]])
    chains = connected_groups(links, len(photos) + len(number_of))[: len(photos)]
    return pd.Series(chains, index=photos).astype("str")


def _by_column(
    root: Path, listing: pd.DataFrame, train_table: Path | None, column: str, notes: Notes
) -> pd.Series[str]:
    beside = [table_at(root, name) for name in (*TRAIN_TABLES, "groups.csv")]
    tables = [table for table in (train_table, *beside) if table]
    holding = [table for table in tables if column in read_header(table)]
    if not holding:
        names = " or ".join(str(table) for table in dict.fromkeys([*tables, root / "groups.csv"]))
        raise RawDataError(f"group_column is {column!r}, but there is no such column in {names}.")
    table = holding[0]
    keys, groups = read_columns(table, [("photo_id", *PATH_COLUMNS), (column,)])
    group_of = dict(zip(_photos_of(keys, listing, table, notes), groups, strict=True))
    return listing["photo_id"].map({photo: group for photo, group in group_of.items() if group})


def _photos_of(keys: list[str], listing: pd.DataFrame, table: Path, notes: Notes) -> list[str]:
    """Find the photos that a table names by their ids or paths; unknown ones keep their name."""
    tidy = [tidy_path(key, table) for key in keys]
    ids = set(listing["photo_id"])
    id_of = dict(zip(listing["path"], listing["photo_id"], strict=True))
    paths = locate([key for key in tidy if key not in ids], listing["path"], table)
    found = iter(paths)
    photos = [key if key in ids else id_of.get(next(found) or "", key) for key in tidy]
    check_distinct(photos, table, "photo")
    if unknown := set(photos) - ids:
        if len(unknown) == len(photos):
            message = (
                f"None of the {len(keys):,} photos that {table} groups exists, for example "
                f"{examples(unknown, 1)}: name photos by their paths relative to {table.parent}."
            )
            raise RawDataError(message)
        notes.leave_out(f"groups in {table.name} of photos that do not exist", unknown)
    return photos


def _by_pattern(train: pd.DataFrame, pattern: str, notes: Notes) -> pd.Series[str]:
    """Search the names of train photos for what names the listing."""
    said = f"group_pattern is {pattern!r}"
    try:
        expression = re.compile(nfc(pattern))
    except re.error as error:
        message = f"{said}, and that is no regular expression ({error}): write one as {_EXAMPLE}."
        raise RawDataError(message) from error
    if not expression.groups:
        message = (
            f"{said}, which has no group: put what names the vehicle or listing into brackets, as "
            f"in {_EXAMPLE}."
        )
        raise RawDataError(message)
    whole = "/" in pattern
    names = train["photo_id"].map(lambda photo: photo if whole else PurePosixPath(photo).name)
    found = names.map(expression.search)
    keys = found.map(lambda match: " ".join(filter(None, match.groups())) if match else "")
    groups = keys.where(keys != "", None).astype("str")
    if groups.isna().all():
        what = "paths" if whole else "file names"
        message = (
            f"{said}, and none of the {len(names):,} {what} of train photos matches, for example "
            f"{examples(names, 1)}: correct it, or leave it out."
        )
        raise RawDataError(message)
    _note_ungrouped(names[groups.isna()], "whose names group_pattern does not match", notes)
    _note_shared(train.assign(group=groups), notes)
    return groups


def _note_shared(train: pd.DataFrame, notes: Notes) -> None:
    classes = train.groupby("group")["class_name"].nunique()
    if shared := set(classes.index[classes > 1]):
        notes.warnings.append(
            f"groups by group_pattern with photos of several classes: {len(shared):,} "
            f"({examples(shared)}). If every class counts its listings anew, add the class: a "
            "pattern with a slash is searched in the whole path, as in ([^/]+/\\d+)_."
        )


def _by_minutes(root: Path, train: pd.DataFrame, minutes: float, notes: Notes) -> pd.Series[str]:
    """Group photos of one camera that follow one another closely."""
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not minutes > 0:
        raise RawDataError(f"group_minutes is {minutes!r}: give a number of minutes, such as 2.")
    moments = pd.Series(read_moments(root, train["path"].tolist()), index=train.index, dtype=object)
    known = moments.dropna()
    if known.empty:
        message = (
            f"group_minutes is {minutes!r}, and none of the {len(train):,} train photos says when "
            "(DateTimeOriginal) and with which camera (Model) it was taken: many sites take EXIF "
            "data away. Leave group_minutes out; group_column and group_pattern need none."
        )
        raise RawDataError(message)
    unknown = train.loc[moments.isna(), "photo_id"]
    _note_ungrouped(unknown, "without camera and time in their EXIF data", notes)
    ordered = pd.DataFrame([vars(moment) for moment in known], index=known.index)
    ordered = ordered.sort_values(["camera", "time"], kind="stable")
    pause = ordered.groupby("camera")["time"].diff().dt.total_seconds() > minutes * 60
    first = pause | ~ordered["camera"].duplicated()
    named = ordered["camera"] + " " + ordered["time"].astype("str")
    return named.where(first).ffill()


def _note_ungrouped(photos: pd.Series[str], which: str, notes: Notes) -> None:
    if len(photos):
        notes.warnings.append(
            f"train photos {which}, which are in no group by it: {len(photos):,} "
            f"({examples(photos)})."
        )
