"""Log loss as the challenge counts it, and the other figures reported for a member."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chajong.predictions.calibration import expected_calibration_error

SMALLEST_PROBABILITY = 1e-15


def challenge_log_loss(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Score a submission with the metric of the Hecto AI Challenge.

    Only the columns of classes that occur in the answers are looked at. Each row is divided by
    its sum over them and clipped to [1e-15, 1 - 1e-15].

    Args:
        answers: One row a photo, with `ID` and `label` (a class name of the submission).
        submission: One row a photo, with `ID` and one probability column per class.

    Returns:
        The mean negative natural logarithm of the probability given to the label.

    Raises:
        ValueError: If the IDs differ, a class column is missing, or a probability is NaN, outside
            [0, 1] or zero for every class of the answers.
    """
    answers = answers.sort_values("ID", kind="stable")
    submission = submission.sort_values("ID", kind="stable")
    _check_ids(answers["ID"], submission["ID"])
    class_names = sorted(answers["label"].unique())
    missing = [name for name in class_names if name not in submission.columns]
    if missing:
        raise ValueError(f"The submission lacks the class columns {missing}: add them.")
    scores = submission[class_names].to_numpy(dtype=np.float64)
    _check_range(scores, submission["ID"].to_numpy())
    labels = pd.Index(class_names).get_indexer(pd.Index(answers["label"]))
    given = scores[np.arange(len(labels)), labels] / scores.sum(axis=1)
    clipped = np.clip(given, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return float(-np.log(clipped).mean())


def _check_ids(answered: pd.Series[str], submitted: pd.Series[str]) -> None:
    if len(answered) != len(submitted):
        raise ValueError(
            f"The submission has {len(submitted)} rows and the answers {len(answered)}: "
            "give one row per ID of the answers."
        )
    if len(answered) == 0:
        raise ValueError("The answers name no photo: there is nothing to score.")
    differs = answered.to_numpy() != submitted.to_numpy()
    if differs.any():
        first = int(np.argmax(differs))
        raise ValueError(
            f"The IDs of submission and answers differ, first {submitted.iloc[first]!r} against "
            f"{answered.iloc[first]!r}: give one row per ID of the answers."
        )


def _check_range(scores: np.ndarray, ids: np.ndarray) -> None:
    for wrong, what in (
        (np.isnan(scores).any(axis=1), "NaN among its probabilities"),
        (((scores < 0) | (scores > 1)).any(axis=1), "a probability outside [0, 1]"),
        (scores.sum(axis=1) == 0, "probability zero for every class of the answers"),
    ):
        if wrong.any():
            raise ValueError(f"The submission's row {ids[int(np.argmax(wrong))]!r} has {what}.")


def log_loss(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the log loss over effective classes, clipped as the challenge clips.

    Args:
        log_probabilities: [photos, classes], each row a normalised distribution.
        labels: int [photos], the index of the effective class.

    Raises:
        ValueError: If there is no photo.
    """
    _check_labels(log_probabilities, labels)
    return float(label_losses(log_probabilities, labels).mean())


def label_losses(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each photo's log loss, clipped as the challenge clips, float64 [photos].

    Args:
        log_probabilities: [photos, classes].
        labels: int [photos], the index of the effective class.
    """
    given = log_probabilities[np.arange(len(labels)), labels].astype(np.float64)
    bounds = np.log(SMALLEST_PROBABILITY), np.log1p(-SMALLEST_PROBABILITY)
    clipped: np.ndarray = -np.clip(given, *bounds)
    return clipped


def most_probable(log_probabilities: np.ndarray, k: int) -> np.ndarray:
    """Return the class indices [photos, min(k, classes)], the most probable first.

    Of equally probable classes the first comes first.
    """
    return np.argsort(-log_probabilities, axis=1, kind="stable")[:, :k]


def top_k_accuracy(log_probabilities: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Return the share of photos whose label is among the `k` most probable classes.

    Args:
        log_probabilities: [photos, classes].
        labels: int [photos], the index of the effective class.
        k: How many classes a photo may name.

    Raises:
        ValueError: If there is no photo.
    """
    _check_labels(log_probabilities, labels)
    return float((most_probable(log_probabilities, k) == labels[:, None]).any(axis=1).mean())


def accuracy(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of photos whose most probable class is the label."""
    return top_k_accuracy(log_probabilities, labels, 1)


def member_metrics(log_probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the quality figures of one member on photos whose label counts.

    Args:
        log_probabilities: [photos, classes], each row a normalised distribution.
        labels: int [photos], the index of the effective class.

    Returns:
        `log_loss` over effective classes, `accuracy`, `top_5_accuracy`, `calibration_error`
        (expected calibration error of the most probable class, 15 bins) and `photos`.
    """
    return {
        "log_loss": log_loss(log_probabilities, labels),
        "accuracy": accuracy(log_probabilities, labels),
        "top_5_accuracy": top_k_accuracy(log_probabilities, labels, 5),
        "calibration_error": expected_calibration_error(log_probabilities, labels),
        "photos": len(labels),
    }


def _check_labels(log_probabilities: np.ndarray, labels: np.ndarray) -> None:
    if len(labels) == 0 or len(labels) != len(log_probabilities):
        raise ValueError(
            f"{len(log_probabilities)} photos and {len(labels)} labels cannot be scored: "
            "give one label per photo, and at least one photo."
        )
    if labels.min() < 0 or labels.max() >= log_probabilities.shape[1]:
        raise ValueError(
            f"The labels {labels.min()} to {labels.max()} do not fit "
            f"{log_probabilities.shape[1]} classes: leave out photos that have no label."
        )
