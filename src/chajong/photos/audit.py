"""Everything about a photo folder that a person should look at, as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chajong.photos.table import readable_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.photos.folder import PhotoFolder

KINDS = (
    "unreadable",
    "missing",
    "left out",
    "conflict",
    "near-duplicate across classes",
    "empty class",
    "few photos",
    "warning",
    "reviewed",
    "near-duplicate",
    "tiny photo",
    "grey photo",
)
"""What can be found, the most serious first."""

TINY_SIDE = 64
GREY_SATURATION = 0.01

_COUNTS = {True: "its label counts", False: "its label does not count"}
_COLUMNS = ("kind", "photo_id", "class_name", "group", "detail", "action")


def audit_photos(
    photos: pd.DataFrame,
    photo_groups: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    folder: PhotoFolder,
) -> pd.DataFrame:
    """Gather what is wrong or strange, and what was done about it.

    Args:
        photos: The `photos` table.
        photo_groups: One row a readable train photo, with the columns photo_id, near_duplicates
            (group of photos that look the same) and conflict (byte-identical to a photo of
            another class).
        classes: The `classes` table, with the columns name and effective_class.
        folds: The `folds` table.
        folder: The raw photos, with the labels they came with and what was noted of the folder.

    Returns:
        One row a finding, the most serious first: kind (one of `KINDS`), photo_id and class_name
        (missing where a finding is about none), group (the near-duplicates it belongs to),
        detail and action (what was done about it).
    """
    train = readable_photos(photos, "train").merge(photo_groups, on="photo_id")
    train = train.merge(folds[["photo_id", "label_counts"]], on="photo_id")
    train["effective_class"] = train["class_name"].map(
        classes.set_index("name")["effective_class"].to_dict()
    )
    found = [
        _unreadable_photos(photos),
        _look_alikes(train),
        _small_classes(train, classes, fold_count=int(folds["fold"].max()) + 1),
        _reviewed_photos(photos, train, folder.listing),
        _strange_photos(photos[photos["status"] == "ok"]),
        _notes("left out", folder.left_out, "not used"),
        _notes("warning", folder.warnings, "please check"),
    ]
    findings = pd.concat(found, ignore_index=True).reindex(columns=list(_COLUMNS))
    findings = findings.astype({"group": "Int64"})
    return findings.sort_values(
        "kind", key=lambda kinds: kinds.map(KINDS.index), kind="stable", ignore_index=True
    )


def _notes(kind: str, notes: Sequence[str], action: str) -> pd.DataFrame:
    return pd.DataFrame({"kind": kind, "detail": list(notes), "action": action})


def _unreadable_photos(photos: pd.DataFrame) -> pd.DataFrame:
    bad = photos[photos["status"] != "ok"]
    actions = {"train": "left out of training", "test": "predicted by the class prior"}
    return pd.DataFrame(
        {
            "kind": bad["status"],
            "photo_id": bad["photo_id"],
            "class_name": bad["class_name"],
            "detail": bad["reason"],
            "action": bad["split"].map(actions),
        }
    )


def _look_alikes(train: pd.DataFrame) -> pd.DataFrame:
    """Find conflicts and near-duplicates, the photos of one group side by side."""
    sizes = train.groupby("near_duplicates")["photo_id"].transform("size")
    alike = train[sizes > 1].sort_values(["near_duplicates", "photo_id"])
    class_counts = alike.groupby("near_duplicates")["effective_class"].transform("nunique")
    kinds = class_counts.gt(1).map({True: "near-duplicate across classes", False: "near-duplicate"})
    members = alike.groupby("near_duplicates")["photo_id"].agg(list)
    return pd.DataFrame(
        {
            "kind": kinds.mask(alike["conflict"], "conflict"),
            "photo_id": alike["photo_id"],
            "class_name": alike["class_name"],
            "group": alike["near_duplicates"],
            "detail": [
                _looks_like(photo, members[group])
                for photo, group in zip(alike["photo_id"], alike["near_duplicates"], strict=True)
            ],
            "action": "kept in one fold; " + alike["label_counts"].map(_COUNTS),
        }
    )


def _looks_like(photo: str, group: Sequence[str]) -> str:
    others = [other for other in group if other != photo]
    more = f" and {len(others) - 2} more" if len(others) > 2 else ""
    return f"looks like {', '.join(others[:2])}{more}"


def _small_classes(train: pd.DataFrame, classes: pd.DataFrame, fold_count: int) -> pd.DataFrame:
    sizes = train.loc[train["label_counts"], "effective_class"].value_counts()
    sizes = sizes.reindex(classes["effective_class"].unique(), fill_value=0)
    small = sizes[sizes < fold_count]
    return pd.DataFrame(
        {
            "kind": ["few photos" if size else "empty class" for size in small],
            "class_name": small.index,
            "detail": [f"photos that count: {size}, folds: {fold_count}" for size in small],
            "action": [
                "some folds lack the class" if size else "keeps its column in the submission"
                for size in small
            ],
        }
    )


def _reviewed_photos(
    photos: pd.DataFrame, train: pd.DataFrame, listing: pd.DataFrame
) -> pd.DataFrame:
    """Say what became of each photo with a verdict; the listing knows the labels of before."""
    reviewed = photos[photos["verdict"] != ""]
    before = reviewed["photo_id"].map(listing.set_index("photo_id")["class_name"])
    was = (", was " + before).where(reviewed["verdict"] == "relabel", "")
    counts = reviewed["photo_id"].map(train.set_index("photo_id")["label_counts"].map(_COUNTS))
    return pd.DataFrame(
        {
            "kind": "reviewed",
            "photo_id": reviewed["photo_id"],
            "class_name": reviewed["class_name"],
            "detail": "verdict: " + reviewed["verdict"] + was,
            "action": counts.fillna("left out of training"),
        }
    )


def _strange_photos(readable: pd.DataFrame) -> pd.DataFrame:
    shortest = readable[["width", "height"]].min(axis=1)
    size = readable["width"].astype(str) + " x " + readable["height"].astype(str) + " pixels"
    saturation = readable["saturation"].map("saturation {:.3f}".format)
    found = [
        readable.assign(kind="tiny photo", detail=size)[shortest < TINY_SIDE],
        readable.assign(kind="grey photo", detail=saturation)[
            readable["saturation"] < GREY_SATURATION
        ],
    ]
    columns = ["kind", "photo_id", "class_name", "detail"]
    return pd.concat(found)[columns].assign(action="used as it is")
