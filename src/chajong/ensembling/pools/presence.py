"""Which members are pooled, and photos that some lack: each set of members has its own pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chajong.ensembling.pools.choice import ChosenPool, PoolingProblem, cross_fit_pool
from chajong.predictions.contract import Predictions, split_rows, stale, train_rows
from chajong.predictions.cross_fitting import CrossFitted, cross_fitting_parts

FEWEST_SHARED = 30
"""Photos with counted labels that all pooled members must have in common."""

SAME = 1e-4
"""Nats between two log-probabilities below which they say the same; rounding moves them by less."""

ROWS_AT_ONCE = 1_000
"""Rows that are compared at a time; those of members that differ are told apart by the first."""

MemberSet = tuple[bool, ...]


def usable_members(
    members: Mapping[str, Predictions],
    folds: pd.DataFrame,
    test_ids: Sequence[str],
    contract: str,
) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Part the members that can be pooled from those that cannot.

    Members join in the order of how many photos they have, as long as all of them keep enough
    photos in common. A member that repeats one which has joined adds nothing, and would only take
    a share of its weight: of two that say the same, the earlier in `members` joins.

    Args:
        members: The predictions of each member.
        folds: One row a readable train photo, with `photo_id`, `fold` (-1: calibration slice) and
            `label_counts`.
        test_ids: The readable test photos.
        contract: The hash of the present photos, classes and folds.

    Returns:
        The members that can be pooled, and for each other member the reason.
    """
    skipped = {
        name: reason
        for name, member in members.items()
        if (reason := _reason_to_skip(name, member, test_ids, contract))
    }
    counted = folds.loc[(folds["fold"] >= 0) & folds["label_counts"], "photo_id"]
    has = {
        name: counted.isin(train_rows(member).rows["photo_id"]).to_numpy()
        for name, member in members.items()
        if name not in skipped
    }
    taken: list[str] = []
    shared = np.ones(len(counted), bool)
    for name in sorted(has, key=lambda name: -int(has[name].sum())):
        common = shared & has[name]
        if repeated := [other for other in taken if _repeats(members[name], members[other])]:
            skipped[name] = f"repeats {repeated[0]} on every photo that it has, and adds nothing"
        elif common.sum() < min(FEWEST_SHARED, shared.sum()):
            skipped[name] = _too_few(int(common.sum()), int(shared.sum()), taken)
        else:
            taken.append(name)
            shared = common
    return {name: members[name] for name in members if name in taken}, skipped


def _reason_to_skip(name: str, member: Predictions, test_ids: Sequence[str], contract: str) -> str:
    if member.contract != contract:
        return stale(name)
    if len(test_ids) and not split_rows(member, "test").rows["photo_id"].isin(test_ids).any():
        return f"has none of the {len(test_ids):,} test photos: finish its run"
    return ""


def _repeats(member: Predictions, other: Predictions) -> bool:
    """Tell whether another member has every row of a member, and says the same there."""
    own, others = (
        pd.MultiIndex.from_frame(each.rows[["photo_id", "fold"]]) for each in (member, other)
    )
    place = others.get_indexer(own)
    if (place < 0).any():
        return False
    parts = (slice(at, at + ROWS_AT_ONCE) for at in range(0, len(place), ROWS_AT_ONCE))
    return all(
        np.allclose(
            member.log_probabilities[part],
            other.log_probabilities[place[part]],
            rtol=0,
            atol=SAME,
        )
        for part in parts
    )


def _too_few(common: int, of_others: int, others: Sequence[str]) -> str:
    whose = f"that {', '.join(others)} have" if others else "there are"
    return (
        f"has only {common} of the {of_others:,} train photos with counted labels {whose}, and "
        f"{FEWEST_SHARED} are needed: finish its folds"
    )


@dataclass(frozen=True, eq=False)
class AlignedMembers:
    """What several members say about the same photos.

    Attributes:
        log_probabilities: One float32 array [photos, classes] a member; zeros where it lacks a
            photo.
        present: bool [photos, members], whether the member has the photo.
    """

    log_probabilities: tuple[np.ndarray, ...]
    present: np.ndarray

    def member_sets(self) -> set[MemberSet]:
        """Return every set of members that is all that some photo has."""
        return {tuple(row) for row in np.unique(self.present, axis=0).tolist()}

    def with_exactly(self, members: MemberSet, rows: np.ndarray) -> np.ndarray:
        """Return those of some photos (int) that have these members and no others."""
        exactly: np.ndarray = rows[(self.present[rows] == members).all(axis=1)]
        return exactly

    def take(self, members: MemberSet, rows: np.ndarray) -> list[np.ndarray]:
        """Return these members' log-probabilities of some photos (int), one array a member."""
        every = len(rows) == len(self.present) and bool((rows == np.arange(len(rows))).all())
        return [
            values if every else values[rows]
            for values, used in zip(self.log_probabilities, members, strict=True)
            if used
        ]


def align_members(members: Iterable[Predictions], photo_ids: Sequence[str]) -> AlignedMembers:
    """Bring members into one order of photos.

    Args:
        members: Predictions with at most one row a photo; other photos are left out.
        photo_ids: The photos, in the order wanted.

    Raises:
        ValueError: No member has one of the photos.
    """
    aligned = []
    present = []
    for member in members:
        positions = pd.Index(member.rows["photo_id"]).get_indexer(pd.Index(photo_ids))
        found = positions >= 0
        values = np.zeros((len(photo_ids), len(member.class_names)), np.float32)
        values[found] = member.log_probabilities[positions[found]]
        aligned.append(values)
        present.append(found)
    has = np.column_stack(present)
    uncovered = np.flatnonzero(~has.any(axis=1))
    if len(uncovered):
        raise ValueError(
            f"No member that can be pooled has predictions of photo {photo_ids[uncovered[0]]!r} "
            f"({len(uncovered):,} of {len(photo_ids):,} photos lack any): train every fold of one "
            "member."
        )
    return AlignedMembers(tuple(aligned), has)


@dataclass(frozen=True, eq=False)
class SetPool:
    """The pool of one set of members.

    Attributes:
        rows: int [shared photos], the train photos that all of these members have.
        problem: These members and photos.
        fitted: What was chosen and fitted on them.
    """

    rows: np.ndarray
    problem: PoolingProblem
    fitted: CrossFitted[ChosenPool]


def fit_set(train: AlignedMembers, photos: PoolingProblem, members: MemberSet) -> SetPool:
    """Choose and fit the pool of one set of members on the train photos that all of them have.

    Args:
        train: The members.
        photos: All train photos; their `parts` are the folds.
        members: The set.
    """
    rows = np.flatnonzero(train.present[:, list(members)].all(axis=1))
    counts, groups = photos.counts[rows], photos.groups[rows]
    problem = PoolingProblem(
        members=train.take(members, rows),
        labels=photos.labels[rows],
        counts=counts,
        groups=groups,
        parts=fitting_parts(photos.parts[rows], groups, counts),
        photo_weights=photos.photo_weights[rows],
    )
    return SetPool(rows, problem, cross_fit_pool(problem))


def fitting_parts(folds: np.ndarray, groups: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Part photos that a set of members has: by fold, unless some fold is nearly missing.

    What is fitted on a few photos is worth nothing. Where a fold has less than half of an even
    share of the photos whose labels count, all photos are halved by group instead.

    Args:
        folds: int [photos].
        groups: int [photos].
        counts: bool [photos], whether a photo's label counts.

    Returns:
        int [photos], see `cross_fitting_parts`.
    """
    present, place = np.unique(folds, return_inverse=True)
    sizes = np.bincount(place, weights=counts)
    even = sizes.min() >= sizes.sum() / len(present) / 2
    return cross_fitting_parts(folds if even else np.zeros_like(folds), groups)
