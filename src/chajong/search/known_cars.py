"""Whether a photo shows a known car: how far it is from the nearest known photo.

Source: Sun, Ming, Zhu and Li, Out-of-Distribution Detection with Deep Nearest Neighbors (ICML
2022), with one neighbour, so that a class of few photos counts as much as one of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chajong.search.vector_index import unit_vectors

PHOTOS_AT_ONCE = 512
MOST_REFUSED = 0.05
"""Share of known cars that may be refused for the sake of unknown ones."""

PARTS = 5


@dataclass(frozen=True, eq=False)
class Distances:
    """How far train photos are from their nearest photo, as known cars and as unknown ones.

    Attributes:
        known: float64 [photos], the cosine distance to the nearest photo of another group: what a
            new photo of a known car has.
        held_back: float64 [photos], that to the nearest photo of another class: what the photo
            would have if its class were not known. Both are infinite where there is no such photo.
        labels: int [photos].
    """

    known: np.ndarray
    held_back: np.ndarray
    labels: np.ndarray

    def of_classes(self, chosen: np.ndarray) -> Distances:
        """Give the photos of some classes; `chosen` is bool [photos]."""
        return Distances(self.known[chosen], self.held_back[chosen], self.labels[chosen])


def distances_to_others(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Distances:
    """Measure how far photos are from one another.

    Args:
        features: [photos, width].
        labels: int [photos].
        groups: int [photos]; near-duplicates and photos of one vehicle share one.
    """
    unit = unit_vectors(features)
    known, held_back = np.empty(len(unit)), np.empty(len(unit))
    for start in range(0, len(unit), PHOTOS_AT_ONCE):
        block = slice(start, start + PHOTOS_AT_ONCE)
        distances = 1 - unit[block] @ unit.T
        own_group = groups[block, None] == groups
        own_class = own_group | (labels[block, None] == labels)
        known[block] = np.where(own_group, np.inf, distances).min(axis=1, initial=np.inf)
        held_back[block] = np.where(own_class, np.inf, distances).min(axis=1, initial=np.inf)
    return Distances(known, held_back, labels)


def fit_limit(known: np.ndarray, held_back: np.ndarray) -> float:
    """Choose the distance beyond which a photo is refused.

    Args:
        known: Distances of known cars.
        held_back: Distances of cars that are not known.

    Returns:
        The one that refuses the most unknown cars beyond the known ones that it refuses, of which
        it refuses at most `MOST_REFUSED`; infinite without a known car that has a distance.
    """
    known = np.sort(known[np.isfinite(known)])
    if not len(known):
        return float("inf")
    refused_known = 1 - np.arange(1, len(known) + 1) / len(known)
    below = np.searchsorted(np.sort(held_back), known, side="right")
    gain = 1 - below / max(len(held_back), 1) - refused_known
    allowed = refused_known <= MOST_REFUSED
    return float(known[allowed][gain[allowed].argmax()])


def refused_out_of_fold(distances: Distances) -> tuple[np.ndarray, np.ndarray]:
    """Refuse photos by limits that were fitted on other classes.

    Args:
        distances: From `distances_to_others`.

    Returns:
        bool [photos] each: refused as a known car, and refused as one whose class is held back.
    """
    refused = np.zeros((2, len(distances.labels)), bool)
    for part in range(PARTS):
        judged = distances.labels % PARTS == part
        fitted = distances.of_classes(~judged)
        limit = fit_limit(fitted.known, fitted.held_back)
        refused[0, judged] = distances.known[judged] > limit
        refused[1, judged] = distances.held_back[judged] > limit
    # A photo that is alone in its class, or a class alone, has nothing to be measured by.
    return refused[0] & np.isfinite(distances.known), refused[1]
