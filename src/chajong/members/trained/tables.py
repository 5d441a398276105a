"""The tables that every trained member reads, joined with the photos themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.photos.table import readable_photos
from chajong.predictions.contract import (
    ROW_COLUMNS,
    contract_hash,
    effective_class_names,
    training_contract,
)
from chajong.predictions.scoring import train_labels
from chajong.training.folds import CALIBRATION, training_rows
from chajong.training.photo_batches import LabelledPhotos

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chajong.photos.store import PhotoStore


@dataclass(frozen=True, eq=False)
class TrainingTables:
    """What is known about the photos.

    Attributes:
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        store: The photos themselves.
    """

    photos: pd.DataFrame
    classes: pd.DataFrame
    folds: pd.DataFrame
    store: PhotoStore

    @property
    def class_names(self) -> tuple[str, ...]:
        """The effective classes, in the order of the predictions' columns."""
        return effective_class_names(self.classes)

    @property
    def contract(self) -> str:
        """The hash of photos, classes, folds and labels that predictions carry."""
        return contract_hash(self.classes, self.folds, self.photos)

    @property
    def training_contract(self) -> str:
        """The hash that fold models carry: that without the test photos, which teach nothing."""
        return training_contract(self.classes, self.folds, self.photos)

    def labels_of(self, photo_ids: Iterable[str]) -> np.ndarray:
        """Look up the effective class index of train photos, int64 [photos]."""
        labels = train_labels(self.photos, self.classes).loc[list(photo_ids)]
        return labels.to_numpy().astype(np.int64)

    def contents_of(self, photo_ids: Iterable[str]) -> list[str]:
        """Look up the sha-256 of photos, in the order asked for."""
        indexed = self.photos.set_index("photo_id")
        contents: list[str] = indexed.loc[list(photo_ids), "sha256"].tolist()
        return contents

    def train_photos(self) -> LabelledPhotos:
        """Give every readable train photo, in the order of `folds`."""
        photo_ids = tuple(self.folds["photo_id"])
        return LabelledPhotos(
            store=self.store,
            contents=tuple(self.contents_of(photo_ids)),
            labels=self.labels_of(photo_ids),
            photo_ids=photo_ids,
        )

    def rows_of_fold(self, fold: int) -> pd.DataFrame:
        """List what a fold's model scores: the photos that it did not train on.

        Args:
            fold: The fold.

        Returns:
            The fold's own train photos, then the calibration slice, then the readable test photos,
            with the columns of `Predictions.rows`.
        """
        own, slice_ = (self.folds[self.folds["fold"] == number] for number in (fold, CALIBRATION))
        test = readable_photos(self.photos, "test").assign(label_counts=False)
        parts = [
            part.assign(split=split, fold=fold)[list(ROW_COLUMNS)]
            for split, part in (("train", own), ("calibration", slice_), ("test", test))
        ]
        rows = pd.concat(parts, ignore_index=True)
        return rows.astype({"label_counts": bool, "fold": int})

    def classes_shown_to(self, fold: int) -> tuple[bool, ...]:
        """Say for every effective class whether a training photo of a fold's model shows it."""
        seen = self.folds.loc[training_rows(self.folds, fold), "photo_id"]
        shown = set(self.labels_of(seen).tolist())
        return tuple(number in shown for number in range(len(self.class_names)))
