"""How well a search finds photos of the same model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chajong.search.vector_index import unit_vectors

QUERIES_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Retrieval:
    """How well each query was answered.

    Attributes:
        first_right: int [queries], the rank (from 0) of the first photo of the query's class; -1
            where the gallery has none outside the query's group.
        average_precision: float64 [queries], NaN where the gallery has none.
    """

    first_right: np.ndarray
    average_precision: np.ndarray

    @property
    def answerable(self) -> np.ndarray:
        """Which queries have a photo of their class to be found, bool [queries]."""
        found: np.ndarray = self.first_right >= 0
        return found

    def recall(self, count: int) -> np.ndarray:
        """Say for each answerable query whether one of the first photos is of its class."""
        among: np.ndarray = self.first_right[self.answerable] < count
        return among

    @property
    def mean_average_precision(self) -> float:
        """The mean over answerable queries."""
        return float(self.average_precision[self.answerable].mean())


def measure_retrieval(
    queries: tuple[np.ndarray, np.ndarray, np.ndarray],
    gallery: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Retrieval:
    """Rank the gallery by cosine for every query, without photos of the query's group.

    A group holds a photo's near-duplicates and other photos of its vehicle, and the photo itself
    where it is in the gallery: finding these is no achievement.

    Args:
        queries: float32 [queries, width], int labels [queries] and int groups [queries].
        gallery: The same of the photos that are searched.

    Returns:
        Recall and average precision (the area under precision by recall, as in Philbin et al.,
        2007, without interpolation) of every query.
    """
    vectors, labels, groups = queries
    known, known_labels, known_groups = gallery
    unit, unit_known = unit_vectors(vectors), unit_vectors(known)
    first_right = np.empty(len(unit), np.int64)
    precision = np.empty(len(unit))
    for start in range(0, len(unit), QUERIES_AT_ONCE):
        block = slice(start, start + QUERIES_AT_ONCE)
        cosines = unit[block] @ unit_known.T
        own = groups[block, None] == known_groups
        order = np.argsort(np.where(own, np.inf, -cosines), axis=1, kind="stable")
        right = (known_labels[order] == labels[block, None]) & ~np.take_along_axis(own, order, 1)
        first_right[block] = np.where(right.any(axis=1), right.argmax(axis=1), -1)
        precision[block] = _average_precision(right)
    return Retrieval(first_right, precision)


def _average_precision(right: np.ndarray) -> np.ndarray:
    """Average the precision at every right photo, [queries]; NaN without one."""
    found = right.cumsum(axis=1)
    precision = np.where(right, found / np.arange(1, right.shape[1] + 1), 0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        average: np.ndarray = precision / right.sum(axis=1)
    return average
