"""From answers about a member's candidates to predictions of every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.members.trained.member import Scored
from chajong.members.vlm.candidate_merge import (
    MEMBER_ALONE,
    CandidateEvidence,
    CandidateMerge,
    cross_fit_candidate_merge,
)
from chajong.predictions.contract import Predictions
from chajong.predictions.cross_fitting import cross_fitting_parts
from chajong.predictions.intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd

    from chajong.members.trained.tables import TrainingTables

SECOND_ALONE = CandidateMerge(member_weight=0.0, second_weight=1.0)
"""What the answers say by themselves; the member's share of the candidates stays theirs."""


@dataclass(frozen=True, eq=False)
class Answers:
    """A member's predictions, and what a vision-language model says about some of their names.

    Attributes:
        rows: `photo_id`, `split`, `fold` and `label_counts`, as in `Predictions`.
        evidence: The member's log-probabilities, candidates and answers of each row; zeros where
            nothing was asked.
        asked: bool [rows], which rows were asked about.
    """

    rows: pd.DataFrame
    evidence: CandidateEvidence
    asked: np.ndarray

    def take(self, rows: np.ndarray) -> Answers:
        """Return some rows (a mask), in that order."""
        return Answers(
            self.rows[rows].reset_index(drop=True), self.evidence.take(rows), self.asked[rows]
        )

    def merged(self, merge: CandidateMerge) -> np.ndarray:
        """Merge where something was asked; float32 [rows, classes]."""
        values = self.evidence.log_probabilities.astype(np.float32)
        values[self.asked] = merge.log_probabilities(self.evidence.take(self.asked))
        return values

    def by_themselves(self) -> Scored:
        """Give what the answers say without the member's opinion of the candidates."""
        return Scored(self.rows, (self.merged(SECOND_ALONE),))


def merge_predictions(
    answers: Answers, tables: TrainingTables
) -> tuple[Predictions, CandidateMerge, dict[str, Any]]:
    """Merge answers into the member's predictions with cross-fitted weights, where they help.

    A fold's rows use weights fitted on the other folds, and these keep the member alone unless the
    paired interval of the gain there is above zero. Rows of the calibration slice and of the test
    photos use those of all.

    Args:
        answers: Of every fold's model.
        tables: The photos.

    Returns:
        The predictions; the weights fitted on all out-of-fold rows; and a report: both weights,
        how many parts of the cross-fitting use the answers, the share of photos asked about, and
        the gain over the member in nats a photo, cross-fitted, with its 95 % interval.
    """
    train = (answers.rows["split"] == "train").to_numpy()
    own = answers.take(train)
    labels = tables.labels_of(own.rows["photo_id"])
    groups = tables.folds.set_index("photo_id").loc[own.rows["photo_id"], "group"].to_numpy()
    counts = own.rows["label_counts"].to_numpy()
    fitted = cross_fit_candidate_merge(
        own.evidence,
        labels,
        counts & own.asked,
        groups,
        cross_fitting_parts(own.rows["fold"].to_numpy(), groups),
    )
    values = answers.merged(fitted.overall)
    values[train] = fitted.apply(lambda merge, rows: own.take(rows).merged(merge))
    position = np.arange(len(labels))
    gains = values[train][position, labels].astype(np.float64)
    gains -= own.evidence.log_probabilities[position, labels]
    low, high = mean_interval(gains[counts], groups[counts])
    report = {
        "member_weight": fitted.overall.member_weight,
        "answer_weight": fitted.overall.second_weight,
        "parts": len(fitted.by_part),
        "parts_with_answers": sum(merge != MEMBER_ALONE for merge in fitted.by_part.values()),
        "asked_share": float(answers.asked.mean()),
        "gain": float(gains[counts].mean()),
        "gain_low": low,
        "gain_high": high,
    }
    predictions = Predictions(answers.rows, values, tables.class_names, tables.contract)
    return predictions, fitted.overall, report
