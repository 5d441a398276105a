"""A member's figures on the train photos whose labels count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.names.table import effective_labels
from chajong.photos.table import readable_photos
from chajong.predictions.contract import train_rows
from chajong.predictions.metric import (
    challenge_log_loss,
    label_losses,
    member_metrics,
)
from chajong.predictions.submission import ID_COLUMN, build_submission

if TYPE_CHECKING:
    from chajong.predictions.contract import Predictions


def train_labels(photos: pd.DataFrame, classes: pd.DataFrame) -> pd.Series[int]:
    """Number the effective class of every readable train photo.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        Effective class index by `photo_id`.
    """
    train = readable_photos(photos, "train")
    labels = effective_labels(train["class_name"].tolist(), classes)
    return pd.Series(labels, index=pd.Index(train["photo_id"]))


def out_of_fold_metrics(
    predictions: Predictions, photos: pd.DataFrame, classes: pd.DataFrame
) -> dict[str, float]:
    """Score a member's out-of-fold rows whose labels count.

    Args:
        predictions: The member's predictions.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        The figures of `member_metrics`; `challenge_log_loss`, the challenge's metric over the
        submission's columns; and `uniform_log_loss`, that of a uniform guess over effective
        classes.
    """
    scored = _counted_rows(predictions)
    photo_ids = scored.rows["photo_id"]
    labels = train_labels(photos, classes).loc[photo_ids].to_numpy()
    names = photos.set_index("photo_id").loc[photo_ids, "class_name"]
    submission = build_submission(
        scored,
        effective_class_of=dict(zip(classes["name"], classes["effective_class"], strict=True)),
        columns=classes["name"].tolist(),
        ids=photo_ids.tolist(),
        prior=class_prior(labels, len(scored.class_names)),
    )
    answers = pd.DataFrame({ID_COLUMN: photo_ids.to_numpy(), "label": names.to_numpy()})
    return {
        **member_metrics(scored.log_probabilities, labels),
        "challenge_log_loss": challenge_log_loss(answers, submission),
        "uniform_log_loss": float(np.log(len(scored.class_names))),
    }


def photo_losses(
    predictions: Predictions, photos: pd.DataFrame, classes: pd.DataFrame
) -> pd.Series[float]:
    """Return a member's loss on each train photo whose label counts.

    Args:
        predictions: The member's predictions.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        The negative natural logarithm of the probability given to the label, clipped as the
        challenge clips, by `photo_id`; its mean is the member's log loss.
    """
    scored = _counted_rows(predictions)
    photo_ids = pd.Index(scored.rows["photo_id"])
    labels = train_labels(photos, classes).loc[photo_ids].to_numpy()
    return pd.Series(label_losses(scored.log_probabilities, labels), index=photo_ids)


def _counted_rows(predictions: Predictions) -> Predictions:
    train = train_rows(predictions)
    return train.take(train.rows["label_counts"].to_numpy())


def class_prior(labels: np.ndarray, class_count: int) -> np.ndarray:
    """Estimate how frequent each class is, never zero (one photo is added to each).

    Args:
        labels: Effective class index of each photo.
        class_count: Number of effective classes.

    Returns:
        Probabilities of shape [classes].
    """
    counts = np.bincount(labels, minlength=class_count) + 1.0
    prior: np.ndarray = counts / counts.sum()
    return prior
