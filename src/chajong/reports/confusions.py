"""Pairs of classes that are taken for one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from chajong.reports.scored_photos import ScoredPhotos

SHOWN_PAIRS = 12
SHOWN_A_SIDE = 3


def confused_pairs(scored: ScoredPhotos, limit: int = SHOWN_PAIRS) -> pd.DataFrame:
    """List the pairs of classes with the most photos answered with the other's name.

    Args:
        scored: The ensemble's answers.
        limit: How many pairs.

    Returns:
        One row a pair, most photos first, then most probability: `given` (the class more often
        taken for the other) and `predicted`; `photos` (of `given`, answered as `predicted`) and
        `photos_back`; `mass` (mean probability that photos of `given` put on `predicted`) and
        `mass_back`; `given_photos` and `predicted_photos`, how many there are.
    """
    count = len(scored.class_names)
    confused = np.bincount(scored.labels * count + scored.guesses, minlength=count**2)
    confused, mass = confused.reshape(count, count), mean_probabilities(scored)
    first, second = np.nonzero(np.triu(confused + confused.T, 1))
    swapped = confused[second, first] > confused[first, second]
    given, predicted = np.where(swapped, second, first), np.where(swapped, first, second)
    photos = np.bincount(scored.labels, minlength=count)
    table = pd.DataFrame(
        {
            "given": scored.names_of(given),
            "predicted": scored.names_of(predicted),
            "photos": confused[given, predicted],
            "photos_back": confused[predicted, given],
            "mass": mass[given, predicted],
            "mass_back": mass[predicted, given],
            "given_photos": photos[given],
            "predicted_photos": photos[predicted],
        }
    )
    both_ways = table["photos"] + table["photos_back"], table["mass"] + table["mass_back"]
    order = np.lexsort((-both_ways[1], -both_ways[0]))
    return table.iloc[order[:limit]].reset_index(drop=True)


def mean_probabilities(scored: ScoredPhotos) -> np.ndarray:
    """Average the probabilities of each class's photos.

    Returns:
        float64 [classes, classes]: row c is the mean of the photos of class c, zero without any.
    """
    from scipy.sparse import csr_array

    photos = np.bincount(scored.labels, minlength=len(scored.class_names))
    places = scored.labels, np.arange(len(scored))
    shape = len(photos), len(scored)
    average = csr_array((1 / photos[scored.labels], places), shape=shape)
    means: np.ndarray = average @ np.exp(scored.log_probabilities)
    return means


def pair_examples(
    scored: ScoredPhotos, pairs: pd.DataFrame, limit: int = SHOWN_A_SIDE
) -> pd.DataFrame:
    """Choose for both sides of each pair the photos that look most like the other side.

    Args:
        scored: The ensemble's answers.
        pairs: From `confused_pairs`.
        limit: How many photos a side.

    Returns:
        One row a photo: `pair` (position in `pairs`), `label`, `photo_id`, `sha256`, and
        `probability` of the pair's other class.
    """
    numbers = {name: number for number, name in enumerate(scored.class_names)}
    sides = [
        (pair, label, other)
        for pair, names in enumerate(zip(pairs["given"], pairs["predicted"], strict=True))
        for label, other in (names, names[::-1])
    ]
    tables = []
    for pair, label, other in sides:
        photos = np.flatnonzero(scored.labels == numbers[label])
        probability = np.exp(scored.log_probabilities[photos, numbers[other]])
        nearest = np.argsort(-probability, kind="stable")[:limit]
        chosen = {
            "pair": pair,
            "label": label,
            "photo_id": scored.photo_ids[photos[nearest]],
            "sha256": scored.sha256s[photos[nearest]],
            "probability": probability[nearest],
        }
        tables.append(pd.DataFrame(chosen))
    columns = ["pair", "label", "photo_id", "sha256", "probability"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
