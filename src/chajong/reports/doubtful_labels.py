"""Labels that a person should look at: a ranked table, and a page to review it by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.label_noise import label_noise_scores
from chajong.reports.neighbour_votes import (
    comparable_directions,
    label_agreement,
    near_duplicate_conflicts,
    nearest_neighbours,
    neighbour_votes,
)
from chajong.reports.rendering import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.encoders.features import Features
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.reports.neighbour_votes import Neighbours

NEAREST = 4
"""Neighbours that the table and the page name."""

SHOWN = 100
UNLIKE_A_CAR = 0.5
"""Photos below it are hardly cars; a model whose median is below it cannot tell."""


def rank_doubtful_labels(
    ensemble: Predictions,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photo_groups: pd.DataFrame,
    features: Sequence[Features],
    car_likeness: pd.Series[float] | None,
) -> pd.DataFrame:
    """Rank the readable train photos that nobody has reviewed by how doubtful their label is.

    Args:
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_groups: One row a readable train photo, with `near_duplicates` and `conflict`.
        features: Of frozen encoders, for the neighbours; there may be none.
        car_likeness: How likely each photo shows a car from outside, by `photo_id`, or None.

    Returns:
        One row a photo, the most doubtful first: `rank`, `photo_id`, `label`, `suggested_label`,
        `score` (probability that the label is wrong), `label_probability`,
        `suggested_probability`, `neighbour_agreement` (share of the neighbours with the label) and
        `car_likeness` (NaN where not known, or where the model takes most photos for something
        else), `conflict` (same file or near-duplicate of another
        class), `label_issue` (confident learning names it too), `nearest_photos` (ids, joined by
        semicolons), and the empty columns `verdict` and `new_label` that a person fills in.
    """
    known = folds["photo_id"].tolist()
    table = photos.set_index("photo_id").loc[known]
    names = ensemble.class_names
    effective = classes.set_index("name")["effective_class"].loc[table["class_name"]]
    labels = pd.Index(names).get_indexer(pd.Index(effective))
    groups = photo_groups.set_index("photo_id").loc[known]
    neighbours = _neighbours(features, known, folds)
    conflicts = groups["conflict"].to_numpy(bool)
    near = np.zeros(len(known), bool)
    if features:
        directions = [comparable_directions(each.rows(known)) for each in features]
        duplicates = groups["near_duplicates"].to_numpy()
        near = near_duplicate_conflicts(directions, duplicates, labels) & ~conflicts
    votes = None if neighbours is None else neighbour_votes(neighbours, labels, len(names))
    scores = label_noise_scores(_log_probabilities(ensemble, known), labels, votes, conflicts, near)
    agreement = np.nan if neighbours is None else label_agreement(neighbours, labels)
    ranked = pd.DataFrame(
        {
            "photo_id": known,
            "label": table["class_name"].to_numpy(),
            "suggested_label": np.asarray(names, object)[scores["suggested"]],
            "score": scores["score"],
            "label_probability": scores["label_probability"],
            "suggested_probability": scores["suggested_probability"],
            "neighbour_agreement": agreement,
            "car_likeness": _car_likeness(car_likeness, known),
            "conflict": scores["conflict"],
            "label_issue": scores["label_issue"],
            "nearest_photos": _nearest_photos(neighbours, known),
            "verdict": "",
            "new_label": "",
        }
    )
    open_rows = (table["verdict"] == "").to_numpy()
    ordered = ranked.iloc[np.argsort(scores["rank"].to_numpy())]
    ordered = ordered[open_rows[ordered.index]].reset_index(drop=True)
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    return ordered


def _neighbours(
    features: Sequence[Features], photo_ids: Sequence[str], folds: pd.DataFrame
) -> Neighbours | None:
    if not features:
        return None
    directions = [comparable_directions(each.rows(photo_ids)) for each in features]
    counts = folds["label_counts"].to_numpy(bool)
    return nearest_neighbours(directions, folds["group"].to_numpy(), counts)


def _log_probabilities(ensemble: Predictions, photo_ids: Sequence[str]) -> np.ndarray:
    """Return the rows of train and calibration photos; a photo without one says nothing."""
    train = (ensemble.rows["split"] != "test").to_numpy()
    rows = ensemble.take(train)
    position = pd.Index(rows.rows["photo_id"]).get_indexer(pd.Index(photo_ids))
    found: np.ndarray = rows.log_probabilities[position]
    found[position < 0] = -np.log(len(ensemble.class_names))
    return found


def _car_likeness(car_likeness: pd.Series[float] | None, photo_ids: Sequence[str]) -> np.ndarray:
    """Return NaN where no model was asked, or one that takes most train photos for no cars."""
    if car_likeness is None:
        return np.full(len(photo_ids), np.nan)
    known = car_likeness.loc[list(photo_ids)].to_numpy(np.float64)
    return known if np.median(known) >= UNLIKE_A_CAR else np.full(len(known), np.nan)


def _nearest_photos(neighbours: Neighbours | None, photo_ids: Sequence[str]) -> list[str]:
    if neighbours is None:
        return [""] * len(photo_ids)
    return [
        ";".join(photo_ids[place] for place in places if place >= 0)
        for places in neighbours.positions[:, :NEAREST]
    ]


def doubtful_labels_page(
    doubtful: pd.DataFrame, photos: pd.DataFrame, store: PhotoStore, review_file: str
) -> str:
    """Draw the most doubtful labels with their nearest photos.

    Args:
        doubtful: From `rank_doubtful_labels`.
        photos: The `photos` table.
        store: The photos themselves.
        review_file: Where verdicts are written.

    Returns:
        A page that needs no other file; at most `SHOWN` photos are shown.
    """
    # A table read from a file has no empty texts.
    doubtful = doubtful.fillna({"conflict": "", "nearest_photos": ""})
    looks = photos[["photo_id", "sha256", "class_name"]].itertuples()
    return render(
        "doubtful_labels.html",
        doubtful=doubtful.head(SHOWN).itertuples(),
        looks={look.photo_id: look for look in looks},
        store=store,
        review_file=review_file,
        figures=_figures(doubtful),
    )


def _figures(doubtful: pd.DataFrame) -> dict[str, str]:
    return {
        "photos looked at": f"{len(doubtful):,}",
        "labels more likely wrong than right": f"{int((doubtful['score'] > 0.5).sum()):,}",
        "pictures under two labels": f"{int((doubtful['conflict'] != '').sum()):,}",
        "hardly a car from outside": f"{int((doubtful['car_likeness'] < UNLIKE_A_CAR).sum()):,}",
    }
