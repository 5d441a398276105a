"""What all topics of the reports read: photos whose label counts, with what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.predictions.metric import SMALLEST_PROBABILITY
from chajong.predictions.scoring import train_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chajong.predictions.contract import Predictions


@dataclass(frozen=True, eq=False)
class ScoredPhotos:
    """Out-of-fold answers on the train photos whose label counts.

    Attributes:
        photo_ids: str [photos].
        sha256s: str [photos], of the photos' files.
        labels: int64 [photos], index of the effective class.
        log_probabilities: float32 [photos, classes], each row a distribution.
        class_names: The effective classes.
    """

    photo_ids: np.ndarray
    sha256s: np.ndarray
    labels: np.ndarray
    log_probabilities: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def losses(self) -> np.ndarray:
        """Log loss of each photo, float64 [photos], clipped as the challenge clips."""
        given = self.log_probability_of(self.labels).astype(np.float64)
        bounds = np.log(SMALLEST_PROBABILITY), np.log1p(-SMALLEST_PROBABILITY)
        losses: np.ndarray = -np.clip(given, *bounds)
        return losses

    @cached_property
    def guesses(self) -> np.ndarray:
        """The most probable class, int64 [photos]."""
        guesses: np.ndarray = self.log_probabilities.argmax(axis=1)
        return guesses

    @cached_property
    def confidences(self) -> np.ndarray:
        """Probability of the most probable class, float64 [photos]."""
        highest = self.log_probability_of(self.guesses).astype(np.float64)
        confidences: np.ndarray = np.exp(np.minimum(highest, 0))
        return confidences

    @cached_property
    def right(self) -> np.ndarray:
        """Whether the most probable class is the label, bool [photos]."""
        right: np.ndarray = self.guesses == self.labels
        return right

    def log_probability_of(self, classes: np.ndarray) -> np.ndarray:
        """Give the log-probability of one class a photo, float32 [photos].

        Args:
            classes: int [photos].
        """
        chosen: np.ndarray = self.log_probabilities[np.arange(len(self)), classes]
        return chosen

    def names_of(self, classes: np.ndarray) -> np.ndarray:
        """Give the names, object [any], of class indices."""
        names: np.ndarray = np.array(self.class_names, dtype=object)[classes]
        return names

    def take(self, positions: np.ndarray) -> ScoredPhotos:
        """Give the photos at `positions` (integers or a mask), in that order."""
        return ScoredPhotos(
            self.photo_ids[positions],
            self.sha256s[positions],
            self.labels[positions],
            self.log_probabilities[positions],
            self.class_names,
        )

    def at(self, photo_ids: np.ndarray) -> ScoredPhotos:
        """Give those of `photo_ids` that are here, in the order asked for."""
        positions = pd.Index(self.photo_ids).get_indexer(pd.Index(photo_ids))
        return self.take(positions[positions >= 0])


def scored_photos(
    predictions: Predictions, photos: pd.DataFrame, classes: pd.DataFrame
) -> ScoredPhotos:
    """Put labels beside out-of-fold predictions.

    Args:
        predictions: Of the ensemble or of a member.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        The train photos whose label counts and that have a prediction, in its order.

    Raises:
        ValueError: There is no such photo.
    """
    counted = (predictions.rows["split"] == "train") & predictions.rows["label_counts"]
    if not counted.any():
        raise ValueError(
            "The predictions hold no train photo whose label counts: there is nothing to report."
        )
    train = predictions.take(counted.to_numpy())
    photo_ids = train.rows["photo_id"].to_numpy(dtype=object)
    return ScoredPhotos(
        photo_ids=photo_ids,
        sha256s=photos.set_index("photo_id")["sha256"].loc[photo_ids].to_numpy(dtype=object),
        labels=train_labels(photos, classes).loc[photo_ids].to_numpy(),
        log_probabilities=train.log_probabilities,
        class_names=train.class_names,
    )


def scored_members(
    members: Mapping[str, Predictions],
    ensemble: Predictions,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
) -> dict[str, ScoredPhotos]:
    """Put labels beside every member that answers the ensemble's question.

    Args:
        members: Predictions by member; those of other classes, folds or labels are left out.
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        Scored photos by member, the lowest log loss first.
    """
    fitting = {
        name: scored_photos(predictions, photos, classes)
        for name, predictions in members.items()
        if predictions.contract == ensemble.contract
    }
    return dict(sorted(fitting.items(), key=lambda member: member[1].losses.mean()))
