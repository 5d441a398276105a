"""A run's features measured as a search, and the models that look most like each photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.photos.table import readable_photos
from chajong.search.photo_index import known_photos
from chajong.search.retrieval import QUERIES_AT_ONCE, measure_retrieval
from chajong.search.vector_index import unit_vectors

if TYPE_CHECKING:
    from chajong.encoders.features import Features
    from chajong.search.indexed_features import IndexedFeatures

RANKS = (1, 5, 10)
NO_GROUP = -1
"""The group of a test photo: none that a train photo is in."""


def measure_features(
    chosen: IndexedFeatures, photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame
) -> dict[str, Any]:
    """Search for every train photo whose label counts among all others.

    Args:
        chosen: The features.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        `encoder` (the member), `photos` that were searched for, `unanswerable` (photos whose class
        has no other photo outside their group), `recall_at_1`, `recall_at_5`, `recall_at_10` and
        `mean_average_precision`.
    """
    known = known_photos(photos, classes, folds[folds["label_counts"]])
    labels = pd.factorize(known["class_name"])[0]
    rows = chosen.features.rows(known["photo_id"]), labels, known["group"].to_numpy()
    found = measure_retrieval(rows, rows)
    return {
        "encoder": chosen.member,
        "photos": len(known),
        "unanswerable": int((~found.answerable).sum()),
        **{f"recall_at_{rank}": float(found.recall(rank).mean()) for rank in RANKS},
        "mean_average_precision": found.mean_average_precision,
    }


def similar_models(
    features: Features,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    count: int,
) -> pd.DataFrame:
    """List for every readable photo the models whose nearest photo is most like it.

    A train photo's own group does not count: the table can serve as hints without telling a
    photo's label.

    Args:
        features: Of every readable photo.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        count: Models a photo.

    Returns:
        `photo_id`, `split`, `rank` (from 1), `class_name` and `similarity` (cosine).
    """
    known = known_photos(photos, classes, folds[folds["label_counts"]])
    asked = pd.concat(
        [
            folds[["photo_id", "group"]].assign(split="train"),
            readable_photos(photos, "test")[["photo_id"]].assign(group=NO_GROUP, split="test"),
        ],
        ignore_index=True,
    )
    codes, names = pd.factorize(known["class_name"], sort=True)
    gallery = unit_vectors(features.rows(known["photo_id"]))
    queries = unit_vectors(features.rows(asked["photo_id"]))
    groups, known_groups = asked["group"].to_numpy(), known["group"].to_numpy()
    best = np.concatenate(
        [
            _best_of_models(
                queries[start : start + QUERIES_AT_ONCE] @ gallery.T,
                groups[start : start + QUERIES_AT_ONCE, None] == known_groups,
                codes,
                len(names),
            )
            for start in range(0, len(queries), QUERIES_AT_ONCE)
        ]
    )
    count = min(count, len(names))
    order = np.argsort(-best, axis=1, kind="stable")[:, :count]
    similarity = np.take_along_axis(best, order, 1).ravel()
    table = asked.loc[asked.index.repeat(count), ["photo_id", "split"]].assign(
        rank=np.tile(np.arange(1, count + 1), len(asked)),
        class_name=names.to_numpy()[order.ravel()],
        similarity=similarity,
    )
    # A model all of whose photos are of the photo's own group has nothing to compare with.
    found: pd.DataFrame = table[np.isfinite(similarity)].reset_index(drop=True)
    return found


def _best_of_models(
    cosines: np.ndarray, own: np.ndarray, codes: np.ndarray, models: int
) -> np.ndarray:
    """Return the largest cosine to a photo of each model, float32 [photos, models]."""
    best = np.full((len(cosines), models), -np.inf, np.float32)
    allowed = np.where(own, -np.inf, cosines)
    for model in range(models):
        best[:, model] = allowed[:, codes == model].max(axis=1)
    return best
