"""Test photos that may show none of the known models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.predictions.contract import split_rows
from chajong.reports.drawing import BLUE, ORANGE, lay_out
from chajong.reports.texts import text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.predictions.contract import Predictions
    from chajong.texts import Language

SHOWN_PHOTOS = 24
BINS = 20


def none_of_the_known(log_probabilities: np.ndarray) -> np.ndarray:
    """Score how much a photo looks like none of the classes: 1 less the highest probability.

    A model does not know what it has never seen; that it is unsure is the simplest sign of it.
    Source: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks (ICLR 2017).

    Args:
        log_probabilities: [photos, classes].

    Returns:
        float64 [photos], 0 to 1 - 1 / classes.
    """
    highest = log_probabilities.max(axis=1).astype(np.float64)
    scores: np.ndarray = np.maximum(-np.expm1(highest), 0)
    return scores


def relative_entropy(log_probabilities: np.ndarray) -> np.ndarray:
    """Give the entropy of each row as a share of the highest possible, float64 [photos]."""
    entropy = -(np.exp(log_probabilities) * log_probabilities).sum(axis=1, dtype=np.float64)
    shares: np.ndarray = np.clip(entropy / np.log(log_probabilities.shape[1]), 0, 1)
    return shares


def unknown_photos(
    predictions: Predictions,
    photos: pd.DataFrame,
    limit: int = SHOWN_PHOTOS,
) -> pd.DataFrame:
    """List the test photos that look most like none of the known models.

    Args:
        predictions: The ensemble's predictions, one row a test photo.
        photos: The `photos` table.
        limit: How many photos.

    Returns:
        One row a photo, the highest score first: `photo_id`, `sha256`, `score` (from
        `none_of_the_known`), `entropy` (a share of the highest possible), `guess` and
        `guess_probability`.
    """
    test = split_rows(predictions, "test")
    scores = none_of_the_known(test.log_probabilities)
    chosen = np.argsort(-scores, kind="stable")[:limit]
    rows = test.log_probabilities[chosen]
    photo_ids = test.rows["photo_id"].to_numpy(dtype=object)[chosen]
    return pd.DataFrame(
        {
            "photo_id": photo_ids,
            "sha256": photos.set_index("photo_id")["sha256"].loc[photo_ids].to_numpy(),
            "score": scores[chosen],
            "entropy": relative_entropy(rows),
            "guess": np.array(test.class_names, dtype=object)[rows.argmax(axis=1)],
            "guess_probability": 1 - scores[chosen],
        }
    )


def score_chart(
    train_scores: np.ndarray, test_scores: np.ndarray, language: Language = "en"
) -> Figure:
    """Draw how the score is spread over the train and the test photos.

    Args:
        train_scores: From `none_of_the_known`, of the out-of-fold answers.
        test_scores: Of the test photos.
        language: The reader's.
    """
    from plotly.graph_objects import Figure

    edges = np.linspace(0, 1, BINS + 1)
    figure = Figure()
    for name, scores, colour in (("train", train_scores, BLUE), ("test", test_scores, ORANGE)):
        counts, _ = np.histogram(scores, edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts / len(scores),
            name=text(f"unknown_photos_{name}", language),
            marker_color=colour,
            hovertemplate=text("unknown_photos_hover", language),
        )
    figure.update_xaxes(title_text=text("unknown_photos_axis", language), range=[0, 1])
    figure.update_yaxes(title_text=text("photo_share_axis", language), tickformat=".0%")
    medians = {"test": np.median(test_scores), "train": np.median(train_scores)}
    title = text("unknown_photos_title", language, **medians)
    return lay_out(figure, title, 340).update_layout(bargap=0.1, bargroupgap=0.05)
