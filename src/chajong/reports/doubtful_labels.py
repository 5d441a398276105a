"""Labels that a person should look at: a ranked table, and a page to review it by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.label_noise import doubt_labels
from chajong.reports.neighbour_votes import (
    comparable_directions,
    label_agreement,
    nearest_neighbours,
    neighbour_votes,
)
from chajong.reports.rendering import render
from chajong.reports.texts import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.encoders.features import Features
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.reports.neighbour_votes import Neighbours
    from chajong.texts import Language

NEAREST = 4
"""Neighbours that the table and the page name."""

SHOWN = 100
UNLIKE_A_CAR = 0.5
"""Photos below it are hardly cars; a model whose median is below it cannot tell."""

SAME_FILE = "same file"
NEAR_DUPLICATE = "near-duplicate"
_CERTAINTY = {SAME_FILE: 0, NEAR_DUPLICATE: 1, "": 2}


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

    Pictures under two labels come first: one of the two is wrong, which no score has to guess. All
    others follow by the probability that their label is wrong.

    Args:
        ensemble: The ensemble's predictions.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_groups: One row a readable train photo, with `near_duplicates` and `conflict`.
        features: Of frozen encoders, for the neighbours; there may be none.
        car_likeness: How likely each photo shows a car from outside, by `photo_id`, or None.

    Returns:
        One row a photo, the most doubtful first: `rank`, `photo_id`, `label`, `suggested_label`
        (the best other class), `score` (probability that the label is wrong),
        `label_probability`, `suggested_probability`, `neighbour_agreement` (share of the
        neighbours with the label) and `car_likeness` (NaN where not known, or where the model takes
        most photos for something else), `conflict` (same file or near-duplicate of another class),
        `label_issue` (confident learning, as in Northcutt, Jiang and Chuang, 2021, names it too),
        `nearest_photos` (ids, joined by semicolons), and the empty columns `verdict` and
        `new_label` that a person fills in.
    """
    known = folds["photo_id"].tolist()
    table = photos.set_index("photo_id").loc[known]
    names = ensemble.class_names
    effective = classes.set_index("name")["effective_class"].loc[table["class_name"]]
    labels = pd.Index(names).get_indexer(pd.Index(effective))
    neighbours = _neighbours(features, known, folds)
    votes = None if neighbours is None else neighbour_votes(neighbours, labels, len(names))
    doubt = doubt_labels(_log_probabilities(ensemble, known), labels, votes)
    others = doubt.probabilities.copy()
    np.put_along_axis(others, labels[:, None], 0, axis=1)
    ranked = pd.DataFrame(
        {
            "photo_id": known,
            "label": table["class_name"].to_numpy(),
            "suggested_label": np.asarray(names, object)[others.argmax(axis=1)],
            "score": doubt.wrong,
            "label_probability": np.take_along_axis(doubt.probabilities, labels[:, None], 1)[:, 0],
            "suggested_probability": others.max(axis=1),
            "neighbour_agreement": (
                np.nan if neighbours is None else label_agreement(neighbours, labels)
            ),
            "car_likeness": _car_likeness(car_likeness, known),
            "conflict": _conflicts(
                photo_groups.set_index("photo_id").loc[known], labels, table["verdict"]
            ),
            "label_issue": _label_issues(labels, doubt.probabilities),
            "nearest_photos": _nearest_photos(neighbours, known),
            "verdict": "",
            "new_label": "",
        }
    )
    certainty = ranked["conflict"].map(_CERTAINTY).to_numpy()
    order = np.lexsort((ranked["label_probability"].to_numpy(), certainty))
    unreviewed = (table["verdict"] == "").to_numpy()
    ordered = ranked.iloc[order[unreviewed[order]]].reset_index(drop=True)
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    return ordered


def _conflicts(groups: pd.DataFrame, labels: np.ndarray, verdicts: pd.Series[str]) -> np.ndarray:
    """Name the photos whose picture carries two labels; one that a person dropped is none."""
    counted = pd.Series(labels, groups.index).where(verdicts != "drop")
    several = counted.groupby(groups["near_duplicates"]).transform("nunique") > 1
    same_file = groups["conflict"].to_numpy(bool)
    named: np.ndarray = np.select([same_file, several.to_numpy()], [SAME_FILE, NEAR_DUPLICATE], "")
    return named


def _label_issues(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Ask cleanlab for the photos off the diagonal of its confident joint."""
    from cleanlab.filter import find_label_issues

    # The classes that no photo carries have no threshold of their own; cleanlab wants them away.
    present, compact = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return np.zeros(len(labels), dtype=bool)
    shares = probabilities[:, present]
    shares /= shares.sum(axis=1, keepdims=True)
    issues: np.ndarray = find_label_issues(
        compact, shares, filter_by="confident_learning", n_jobs=1
    )
    return issues


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
    doubtful: pd.DataFrame,
    photos: pd.DataFrame,
    store: PhotoStore,
    review_file: str,
    language: Language = "en",
) -> str:
    """Draw the most doubtful labels with their nearest photos.

    Args:
        doubtful: From `rank_doubtful_labels`.
        photos: The `photos` table.
        store: The photos themselves.
        review_file: Where verdicts are written.
        language: The reader's.

    Returns:
        A page that needs no other file; at most `SHOWN` photos are shown.
    """
    # A table read from a file has no empty texts.
    doubtful = doubtful.fillna({"conflict": "", "nearest_photos": ""})
    looks = photos[["photo_id", "sha256", "class_name"]].itertuples()
    return render(
        "doubtful_labels.html",
        language,
        doubtful=doubtful.head(SHOWN).itertuples(),
        looks={look.photo_id: look for look in looks},
        store=store,
        review_file=review_file,
        figures=_figures(doubtful, language),
    )


def _figures(doubtful: pd.DataFrame, language: Language) -> dict[str, str]:
    counts = {
        "doubtful_count": len(doubtful),
        "doubtful_wrong": int((doubtful["score"] > 0.5).sum()),
        "doubtful_conflicts": int((doubtful["conflict"] != "").sum()),
        "doubtful_no_cars": int((doubtful["car_likeness"] < UNLIKE_A_CAR).sum()),
    }
    return {text(name, language): f"{count:,}" for name, count in counts.items()}
