"""Groups that make a photo held out of its fold as far from the others as a new photo is.

Photos come in bursts, and a photo whose burst goes on in the other folds is answered too easily: a
loss out of fold says nothing about new photos then. Photos of one class are joined until the
distances to the nearest neighbour, from held-out photos to the other folds and from new photos to
the train photos, are distributed alike. No label of a new photo is needed. Source: nearest
neighbour distance matching (Milà, Mateu, Pebesma and Meyer, Methods in Ecology and Evolution,
2022), for folds Linnenbrink, Milà, Ludwig and Meyer (Geoscientific Model Development, 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.training.folds import CALIBRATION, join_groups

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

COMPARED_PHOTOS = 4_000
"""So many photos of a side are compared at most: more hardly change how distances lie."""

LARGEST_TREE = 2_000
"""A class of more photos is parted before it is clustered, which takes all pairs of a part."""

CLEARLY = 0.75
"""Photos are joined only where the distances then differ by less than this part of before."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to group photos, and how the distances lie then.

    Attributes:
        threshold: Average cosine distance up to which photos of a class are joined; None joins
            none.
        groups: int64 [photos].
        held_out: Cosine distances from photos held out of a fold to the nearest photo of the others.
        new: From new photos to the nearest photo outside of one fold.
    """

    threshold: float | None
    groups: np.ndarray
    held_out: np.ndarray
    new: np.ndarray

    @property
    def mismatch(self) -> float:
        """Wasserstein distance between the two distributions."""
        from scipy.stats import wasserstein_distance

        return float(wasserstein_distance(self.held_out, self.new))


@dataclass(frozen=True, eq=False)
class Matching:
    """The ways to group photos that were tried.

    Attributes:
        candidates: By threshold, without joining first.
    """

    candidates: tuple[Candidate, ...]

    @property
    def plain(self) -> Candidate:
        """The groups as they were given."""
        return self.candidates[0]

    @property
    def chosen(self) -> Candidate:
        """The closest match; the groups as they were where none is clearly closer."""
        best = min(self.candidates, key=lambda candidate: candidate.mismatch)
        return best if best.mismatch < CLEARLY * self.plain.mismatch else self.plain


def comparable(train: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring features to where cosine distances say how alike two photos are.

    Args:
        train: float32 [photos, width], as the encoder gives them.
        new: The same of the new photos.

    Returns:
        Both with signed square roots, centred on the train photos, float32 rows of length 1.
    """
    rooted = [np.sign(side) * np.sqrt(np.abs(side)) for side in (train, new)]
    centre = rooted[0].mean(axis=0)
    sides = [side - centre for side in rooted]
    tiny = np.finfo(np.float32).tiny
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True).clip(tiny) for side in sides]
    return unit[0], unit[1]


def neighbour_distances(
    photos: np.ndarray, folds: np.ndarray, others: np.ndarray, folds_of_others: np.ndarray
) -> np.ndarray:
    """Measure how far photos are from the nearest photo that their fold's model learns from.

    Args:
        photos: float32 [photos, width], rows of length 1.
        folds: int [photos].
        others: The same as `photos`, of the photos that may be learnt from.
        folds_of_others: int [others]; -1 is the calibration slice, which nothing learns from.

    Returns:
        Cosine distances, float32 [photos].
    """
    import faiss

    distances = np.empty(len(photos), np.float32)
    for fold in np.unique(folds):
        asked = folds == fold
        learnt = (folds_of_others != fold) & (folds_of_others != CALIBRATION)
        cosines, _ = faiss.knn(photos[asked], others[learnt], 1, faiss.METRIC_INNER_PRODUCT)
        distances[asked] = 1 - cosines[:, 0]
    return distances


def match_groups(
    train: np.ndarray,
    new: np.ndarray,
    labels: Sequence[Hashable],
    groups: np.ndarray,
    *,
    thresholds: Sequence[float],
    fold_count: int,
    seed: int,
) -> Matching:
    """Join photos of one class until held-out photos are as far from the others as new photos.

    Photos that belong together stay together. A class keeps as many groups as there are folds
    where it has them, because each fold's model should know it. Photos are joined only where that
    brings the distances clearly closer.

    Args:
        train: Features of the train photos, float32 [photos, width].
        new: Features of new photos, at least one, float32 [new photos, width].
        labels: The class of each train photo.
        groups: Which train photos belong together, int [photos].
        thresholds: Average cosine distances up to which photos of a class are joined.
        fold_count: Number of folds.
        seed: Of the photos that are compared, and of the folds that groups are dealt to.

    Returns:
        What was tried, and what was chosen.
    """
    train, new = comparable(train, new)
    asked, asked_new = (_drawn(len(side), seed) for side in (train, new))
    folds_of_new = np.arange(len(asked_new)) % fold_count
    trees = list(class_trees(train, labels))
    candidates = []
    for threshold in (None, *sorted(thresholds)):
        joined = groups
        if threshold is not None:
            joined = join_groups(groups, clusters(trees, len(train), threshold, fold_count))
        folds = dealt(joined, labels, fold_count, seed)
        held_out = neighbour_distances(train[asked], folds[asked], train, folds)
        of_new = neighbour_distances(new[asked_new], folds_of_new, train, folds)
        candidates.append(Candidate(threshold, joined, held_out, of_new))
    return Matching(tuple(candidates))


def class_trees(
    directions: np.ndarray, labels: Sequence[Hashable]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cluster the photos of each class by average linkage; a class of one photo has no tree.

    Args:
        directions: float32 [photos, width], rows of length 1.
        labels: The class of each photo.

    Yields:
        The photos of a class, or of a part of a large one, and SciPy's linkage matrix of them.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    classes = pd.factorize(np.array(labels, dtype=object))[0]
    for number in range(classes.max() + 1):
        for photos in _parts(np.flatnonzero(classes == number), directions):
            if len(photos) > 1:
                # Half the squared distance of directions is their cosine distance.
                pairs = pdist(directions[photos], "sqeuclidean") / 2
                yield photos, linkage(pairs, "average")


def _parts(photos: np.ndarray, directions: np.ndarray) -> list[np.ndarray]:
    """Part the photos of a class that is too large to compare all pairs of it."""
    from sklearn.cluster import BisectingKMeans

    if len(photos) <= LARGEST_TREE:
        return [photos]
    count = -(-2 * len(photos) // LARGEST_TREE)
    halves = BisectingKMeans(count, random_state=0, bisecting_strategy="largest_cluster")
    part = halves.fit_predict(directions[photos])
    return [photos[part == number] for number in range(count)]


def clusters(
    trees: Sequence[tuple[np.ndarray, np.ndarray]], photos: int, threshold: float, fewest: int
) -> np.ndarray:
    """Cut trees into clusters.

    Args:
        trees: From `class_trees`.
        photos: How many photos there are; those of no tree stay alone.
        threshold: Average distance up to which clusters are joined.
        fewest: So many clusters a tree keeps at least.

    Returns:
        A cluster label for each photo, int64 of shape [photos].
    """
    from scipy.cluster.hierarchy import fcluster

    labels = np.arange(photos)
    for rows, tree in trees:
        cut = fcluster(tree, threshold, "distance")
        if cut.max() < fewest:
            cut = fcluster(tree, min(fewest, len(rows)), "maxclust")
        first = np.unique(cut, return_index=True)[1]
        labels[rows] = rows[first[cut - 1]]
    return labels


def dealt(
    groups: np.ndarray, labels: Sequence[Hashable], fold_count: int, seed: int
) -> np.ndarray:
    """Deal whole groups to folds, class by class and at random within a class.

    Args:
        groups: int [photos].
        labels: The class of each photo.
        fold_count: Number of folds.
        seed: Of the random order.

    Returns:
        The fold of each photo, int64 [photos].
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    classes = pd.factorize(np.array(labels, dtype=object))[0][first]
    chance = np.random.default_rng(seed).permutation(len(first))
    folds = np.empty(len(first), np.int64)
    folds[np.lexsort((chance, classes))] = np.arange(len(first)) % fold_count
    return folds[group]


def _drawn(count: int, seed: int) -> np.ndarray:
    """Draw the photos that are compared, in a random order."""
    return np.random.default_rng(seed).permutation(count)[:COMPARED_PHOTOS]
