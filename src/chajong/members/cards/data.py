"""What a model was trained on, in figures for its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DataSummary:
    """A run's photos.

    Attributes:
        train: Readable train photos in folds.
        calibration: Photos that no fold's model trained on.
        uncounted: Photos whose label contradicts another's.
        test: Test photos.
        unreadable: Photos that cannot be read.
        classes: Effective classes.
        names: Class names of the submission.
        folds: Folds.
    """

    train: int
    calibration: int
    uncounted: int
    test: int
    unreadable: int
    classes: int
    names: int
    folds: int


def summarise_data(photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame) -> DataSummary:
    """Count a run's photos and classes.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
    """
    in_fold = folds["fold"] >= 0
    return DataSummary(
        train=int(in_fold.sum()),
        calibration=int((~in_fold).sum()),
        uncounted=int((~folds["label_counts"]).sum()),
        test=int((photos["split"] == "test").sum()),
        unreadable=int((photos["status"] != "ok").sum()),
        classes=classes["effective_class"].nunique(),
        names=len(classes),
        folds=folds.loc[in_fold, "fold"].nunique(),
    )
