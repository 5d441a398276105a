"""Folds that keep look-alike photos together, and a slice that no fold's model trains on."""

from __future__ import annotations

import logging
import warnings
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

logger = logging.getLogger(__name__)

CALIBRATION = -1
"""The fold number of the calibration slice."""


def join_groups(near_duplicates: np.ndarray, listings: Sequence[str | None]) -> np.ndarray:
    """Join photos that are near-duplicates or show one vehicle, through any chain of the two.

    Args:
        near_duplicates: Group of photos that look the same, integers of shape [n].
        listings: The vehicle or listing of each photo, missing where it is not known.

    Returns:
        A group label from 0 for each photo, int64 of shape [n].
    """
    from chajong.photos.near_duplicates import connected_groups

    looks = np.unique(near_duplicates, return_inverse=True)[1]
    vehicles = pd.factorize(np.array(listings, dtype=object))[0]
    known = np.flatnonzero(vehicles >= 0)
    # The graph's items are the groups of both kinds; a photo links its two groups.
    links = np.column_stack([looks[known], looks.max(initial=-1) + 1 + vehicles[known]])
    count = looks.max(initial=-1) + vehicles.max(initial=-1) + 2
    joined = connected_groups(links, count)[looks]
    return np.unique(joined, return_inverse=True)[1].astype(np.int64)


def training_rows(folds: pd.DataFrame, fold: int) -> np.ndarray:
    """Say which photos a fold's model may train on.

    Args:
        folds: The `folds` table.
        fold: The fold that is scored.

    Returns:
        bool [photos]: those of the other folds, without the calibration slice and without photos
        whose label does not count.
    """
    outside = ~folds["fold"].isin([fold, CALIBRATION]) & folds["label_counts"]
    return outside.to_numpy(dtype=bool)


def make_folds(
    photo_ids: Sequence[str],
    labels: Sequence[Hashable],
    groups: np.ndarray,
    *,
    label_counts: np.ndarray,
    fold_count: int,
    calibration_fraction: float,
    seed: int,
    encoder: str = "",
) -> pd.DataFrame:
    """Split photos into a calibration slice and folds, no group into two places.

    Classes are spread evenly. A class with fewer than `fold_count` + 2 photos gives none to the
    slice; one with fewer photos than folds is missing from some folds, which the log says. The
    result does not depend on the order of the photos, nor on the names of the classes.

    Args:
        photo_ids: Distinct ids of shape [n].
        labels: The effective class of each photo.
        groups: The group of each photo, integers.
        label_counts: False for photos whose label is not to be trusted: they get a fold, and never
            belong to the slice.
        fold_count: Number of folds, at least 2.
        calibration_fraction: Share of the photos that goes to the slice, from 0.
        seed: Of the random choice.
        encoder: Key of the encoder by whose features groups were joined, empty where none was.

    Returns:
        The `folds` table in the order of the photos: photo_id, group, fold (-1 for the slice),
        label_counts and encoder.

    Raises:
        ValueError: There are too few photos or groups for so many folds.
    """
    columns = {"photo_id": photo_ids, "group": groups, "fold": 0, "label_counts": label_counts}
    table = pd.DataFrame({**columns, "class": labels})
    ordered = table.sort_values("photo_id")
    counted = ordered["class"].where(ordered["label_counts"])
    # Numbered in the order of the photos, so that renaming a class changes nothing; photos that
    # do not count are a class of their own, -1, which is spread evenly like the others.
    ordered["class"] = pd.factorize(counted)[0]
    _warn_of_small_classes(counted, fold_count)
    generator = np.random.default_rng(seed)
    held_out = _calibration_slice(ordered, fold_count, calibration_fraction, generator)
    rest = ordered[~held_out]
    ordered.loc[held_out, "fold"] = CALIBRATION
    ordered.loc[~held_out, "fold"] = _stratified_folds(rest, fold_count, seed)
    ordered["encoder"] = encoder
    return ordered.loc[table.index, ["photo_id", "group", "fold", "label_counts", "encoder"]]


def _warn_of_small_classes(counted: pd.Series, fold_count: int) -> None:
    small = int((counted.value_counts() < fold_count).sum())
    if small:
        logger.warning(
            "%d of the classes have fewer than %d photos that count: some folds lack them. The "
            "audit names them.",
            small,
            fold_count,
        )


def _calibration_slice(
    photos: pd.DataFrame, fold_count: int, fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Choose whole groups at random until every class has given its share.

    Args:
        photos: The columns group, class (-1 where the label does not count).
        fold_count: Number of folds that need photos of every class.
        fraction: Share of each class.
        generator: Draws the order in which groups are asked.

    Returns:
        Whether each photo belongs to the slice, of shape [n].
    """
    sizes = np.bincount(photos["class"][photos["class"] >= 0])
    # Rounding the running total, not each class, keeps the slice's size where classes are small.
    shares = np.diff(np.floor(np.cumsum(sizes) * fraction + 0.5).astype(int), prepend=0)
    shares[sizes < fold_count + 2] = 0
    # The class -1 of photos that do not count never has an open place.
    open_places = Counter(dict(enumerate(shares.tolist())))
    members: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for group, label in zip(photos["group"], photos["class"], strict=True):
        members[group][label] += 1
    chosen = []
    for group in generator.permutation(list(members)):
        if all(open_places[label] >= count for label, count in members[group].items()):
            open_places.subtract(members[group])
            chosen.append(group)
    return photos["group"].isin(chosen).to_numpy()


def _stratified_folds(photos: pd.DataFrame, fold_count: int, seed: int) -> np.ndarray:
    """Assign scikit-learn's stratified group folds: numbers from 0, of shape [n]."""
    from sklearn.model_selection import StratifiedGroupKFold

    largest, groups = photos["class"].value_counts().max(), photos["group"].nunique()
    if largest < fold_count or groups < fold_count:
        message = (
            f"{len(photos)} photos in {groups} groups, at most {largest} in one class, cannot be "
            f"split into {fold_count} folds: lower the number of folds or add photos."
        )
        raise ValueError(message)
    splitter = StratifiedGroupKFold(fold_count, shuffle=True, random_state=seed)
    folds = np.empty(len(photos), dtype=np.int64)
    with warnings.catch_warnings():
        # The log says this in words of its own.
        warnings.filterwarnings("ignore", message="The least populated class")
        splits = splitter.split(photos["photo_id"], photos["class"], photos["group"])
        for fold, (_, rows) in enumerate(splits):
            folds[rows] = fold
    return folds
