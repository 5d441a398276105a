"""Another member's predictions as hints, once it is certain that none knows its own label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.predictions.completeness import complete_members
from chajong.predictions.contract import split_rows, train_rows
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions

CHANCE_OF_LEAK = 1e-6
"""How improbable it must be that a member without a leak names so many train photos rightly."""


class HintError(SlipError, ValueError):
    """Predictions that cannot serve as hints; the message names the member and the fix."""


@dataclass(frozen=True, eq=False)
class Hints:
    """What another member says about every photo, by each fold's model.

    Attributes:
        member: Its name.
        predictions: Its predictions, complete and out of fold.
    """

    member: str
    predictions: Predictions

    def of_rows(self, rows: pd.DataFrame) -> np.ndarray:
        """Look up what the same fold's model said.

        Args:
            rows: `photo_id` and `fold`.

        Returns:
            float32 [rows, classes], natural logarithms.

        Raises:
            HintError: A fold's model did not see one of the photos.
        """
        known = pd.MultiIndex.from_frame(self.predictions.rows[["photo_id", "fold"]])
        wanted = pd.MultiIndex.from_frame(rows[["photo_id", "fold"]])
        positions = known.get_indexer(wanted)
        if (positions < 0).any():
            photo_id, fold = wanted[int(np.argmin(positions))]
            raise HintError(f"{self.member!r} has no row of {photo_id!r} by the model of {fold}.")
        found: np.ndarray = self.predictions.log_probabilities[positions]
        return found

    def of_photos(self, photo_ids: Iterable[str]) -> np.ndarray:
        """Look up what the first of its models that saw a photo said, float32 [photos, classes]."""
        first = self.predictions.rows["photo_id"].drop_duplicates()
        position = pd.Series(first.index, index=first)
        found: np.ndarray = self.predictions.log_probabilities[position.loc[list(photo_ids)]]
        return found

    def of_train_photos(self) -> dict[str, np.ndarray]:
        """Give the out-of-fold row of every train photo, float32 [classes], by `photo_id`."""
        own = train_rows(self.predictions)
        return dict(zip(own.rows["photo_id"], own.log_probabilities, strict=True))


def check_hints(member: str, predictions: Predictions | None, tables: TrainingTables) -> Hints:
    """See that a member's predictions are complete and that none was made by a model that knew.

    Args:
        member: The member that is to give hints.
        predictions: Its predictions, None where there are none.
        tables: The photos.

    Returns:
        The hints.

    Raises:
        HintError: There are none, some photo has none, or a train photo's were made by a model
            that was trained on it.
    """
    if predictions is None:
        message = (
            f"The hints are to come from {member!r}, which has not run yet: run it first, with "
            f"`kedro run --namespaces {member}`."
        )
        raise HintError(message)
    if predictions.contract == tables.contract:
        _check_folds(member, predictions, tables.folds)
    test_ids = tables.photos.query("split == 'test' and status == 'ok'")["photo_id"].tolist()
    _, reasons = complete_members({member: predictions}, tables.folds, test_ids, tables.contract)
    if reasons:
        message = (
            f"{member!r} cannot give hints: it {_as_clause(reasons[member])}. Hints need every "
            "photo: run the whole of its pipeline, all folds."
        )
        raise HintError(message)
    _check_for_leak(member, predictions, tables)
    return Hints(member, predictions)


def _as_clause(reason: str) -> str:
    return f"was {reason}" if reason.startswith("made") else reason


def _check_folds(member: str, predictions: Predictions, folds: pd.DataFrame) -> None:
    """Refuse rows of train photos that another fold's model made: it was trained on them."""
    rows = train_rows(predictions).rows
    own = folds.set_index("photo_id")["fold"].reindex(rows["photo_id"]).to_numpy()
    strangers = rows[(rows["fold"].to_numpy() != own) & ~np.isnan(own.astype(float))]
    if len(strangers):
        first = strangers.iloc[0]
        message = (
            f"{member!r} cannot give hints: its row of {first['photo_id']!r} was made by the model "
            f"of fold {first['fold']}, which was trained on that photo ({len(strangers)} such "
            "rows). Hints must be out of fold: run its pipeline again."
        )
        raise HintError(message)


def _check_for_leak(member: str, predictions: Predictions, tables: TrainingTables) -> None:
    """Refuse hints that know the train photos better than photos no model was trained on.

    Fisher's exact test compares how many train photos are named rightly with how many of the
    calibration slice, by the same fold models.
    """
    from scipy.stats import fisher_exact

    right = {
        split: _rightly_named(split_rows(predictions, split), tables)
        for split in ("train", "calibration")
    }
    train, calibration = right["train"], right["calibration"]
    if not len(calibration):
        return
    table = [[part.sum(), (1 - part).sum()] for part in (train, calibration)]
    chance = fisher_exact(np.rint(table).astype(int), alternative="greater").pvalue
    if chance < CHANCE_OF_LEAK:
        message = (
            f"{member!r} cannot give hints: it names {train.mean():.1%} of the train photos "
            f"rightly but {calibration.mean():.1%} of the calibration slice, which no model was "
            "trained on. Its rows of train photos were made by models that knew their labels: "
            "make them out of fold."
        )
        raise HintError(message)


def _rightly_named(predictions: Predictions, tables: TrainingTables) -> np.ndarray:
    """Say how many of its fold models name a photo rightly, as a share; [photos that count]."""
    counted = predictions.take(predictions.rows["label_counts"].to_numpy())
    labels = tables.labels_of(counted.rows["photo_id"])
    right = counted.log_probabilities.argmax(axis=1) == labels
    shares: np.ndarray = (
        pd.Series(right.astype(float)).groupby(counted.rows["photo_id"].to_numpy()).mean()
    ).to_numpy()
    return shares
