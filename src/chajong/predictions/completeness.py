"""Which members have every row that the present classes and folds ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from chajong.predictions.contract import Predictions, stale


def complete_members(
    members: Mapping[str, Predictions],
    folds: pd.DataFrame,
    test_ids: Sequence[str],
    contract: str,
) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Part the members that have every row from those that lack some.

    Args:
        members: The predictions of each member.
        folds: One row a readable train photo, with `photo_id` and `fold` (-1: calibration slice).
        test_ids: The readable test photos.
        contract: The hash of the present photos, classes and folds.

    Returns:
        The members made for the present photos, classes and folds that have every row, and for
        each other member the reason.
    """
    wanted = _complete_rows(folds, test_ids)
    reasons = {
        name: _reason_to_skip(name, member, wanted, contract) for name, member in members.items()
    }
    usable = {name: member for name, member in members.items() if not reasons[name]}
    return usable, {name: reason for name, reason in reasons.items() if reason}


def _complete_rows(folds: pd.DataFrame, test_ids: Sequence[str]) -> pd.MultiIndex:
    """Return photo and fold of every row that a complete member has."""
    in_fold = folds["fold"] >= 0
    train = pd.MultiIndex.from_frame(folds.loc[in_fold, ["photo_id", "fold"]])
    seen_by_all = [*folds.loc[~in_fold, "photo_id"], *test_ids]
    every_fold = np.unique(folds.loc[in_fold, "fold"])
    return train.append(pd.MultiIndex.from_product([seen_by_all, every_fold], names=train.names))


def _reason_to_skip(name: str, member: Predictions, wanted: pd.MultiIndex, contract: str) -> str:
    if member.contract != contract:
        return stale(name)
    missing = wanted.difference(pd.MultiIndex.from_frame(member.rows[["photo_id", "fold"]]))
    if len(missing):
        photo, fold = missing[0]
        return f"lacks {len(missing)} of {len(wanted)} rows, such as {photo!r} of fold {fold}"
    return ""
