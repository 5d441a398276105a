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

CANDIDATE_COLUMNS = ("threshold", "groups", "held_out", "new", "mismatch", "chosen")
"""What a table of candidates says; distances are medians."""

LARGEST_TREE = 2_000
"""A class of more photos is parted before it is clustered, which takes all pairs of a part."""

NEIGHBOURS = 64
"""So many neighbours of a photo are looked for first; few photos have all of them in their fold."""

CLEARLY = 2.0
"""By so many standard errors of a mean must the distances come closer where photos are joined."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to group photos, and how the distances lie then.

    Attributes:
        threshold: Average cosine distance up to which photos of a class are joined; None joins
            none.
        groups: int64 [photos].
        held_out: Cosine distances of held-out photos to the nearest of the other folds.
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

    def table(self) -> pd.DataFrame:
        """Lay out what was tried, one row a candidate with the columns of `CANDIDATE_COLUMNS`."""
        rows = [
            (
                np.nan if each.threshold is None else each.threshold,
                len(np.unique(each.groups)),
                float(np.median(each.held_out)),
                float(np.median(each.new)),
                each.mismatch,
                each is self.chosen,
            )
            for each in self.candidates
        ]
        return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS))

    @property
    def plain(self) -> Candidate:
        """The groups as they were given."""
        return self.candidates[0]

    @property
    def chosen(self) -> Candidate:
        """The closest match; the groups as they were where none is clearly closer."""
        best = min(self.candidates, key=lambda candidate: candidate.mismatch)
        gain = self.plain.mismatch - best.mismatch
        chance = sum(np.var(side) / len(side) for side in (self.plain.held_out, self.plain.new))
        return best if gain > CLEARLY * np.sqrt(chance) else self.plain


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


@dataclass(frozen=True, eq=False)
class Compared:
    """Photos that are compared with those that the models which answer them learn from.

    A new photo, like one held out, is compared with what one fold's model learns from.

    Attributes:
        train: Directions of the train photos, float32 [photos, width], rows of length 1.
        queries: The same of train photos and new photos that were drawn.
        rows: Which train photos were drawn, int [drawn]; they come first among the queries.
        positions: The train photos nearest to each query, int [queries, neighbours], nearest first.
        cosines: float32, likewise.
    """

    train: np.ndarray
    queries: np.ndarray
    rows: np.ndarray
    positions: np.ndarray
    cosines: np.ndarray

    @classmethod
    def draw(cls, train: np.ndarray, new: np.ndarray, seed: int) -> Compared:
        """Draw photos, `COMPARED_PHOTOS` a side at most, and find their neighbours.

        Args:
            train: Directions of the train photos.
            new: Of new photos.
            seed: Of the photos drawn.
        """
        import faiss

        generator = np.random.default_rng(seed)
        rows, of_new = (generator.permutation(len(side))[:COMPARED_PHOTOS] for side in (train, new))
        queries = np.concatenate([train[rows], new[of_new]])
        count = min(NEIGHBOURS, len(train))
        cosines, positions = faiss.knn(queries, train, count, faiss.METRIC_INNER_PRODUCT)
        return cls(train, queries, rows, positions, cosines)

    def distances(self, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Measure how far photos are from the nearest that may be learnt from.

        Args:
            folds: The fold of each train photo; -1 is the calibration slice, which nothing learns
                from and which is not compared.

        Returns:
            Cosine distances of held-out photos and of new photos, float32 [photos].
        """
        import faiss

        new = np.arange(len(self.queries) - len(self.rows)) % (folds.max() + 1)
        answered_by = np.concatenate([folds[self.rows], new])
        beside = folds[self.positions]
        learnt = (beside != answered_by[:, None]) & (beside != CALIBRATION)
        nearest = self.cosines[np.arange(len(learnt)), learnt.argmax(axis=1)]
        alone = ~learnt.any(axis=1)
        for fold in np.unique(answered_by[alone]):
            asked = alone & (answered_by == fold)
            others = self.train[(folds != fold) & (folds != CALIBRATION)]
            found, _ = faiss.knn(self.queries[asked], others, 1, faiss.METRIC_INNER_PRODUCT)
            nearest[asked] = found[:, 0]
        distances = 1 - nearest
        in_fold = folds[self.rows] != CALIBRATION
        return distances[: len(self.rows)][in_fold], distances[len(self.rows) :]


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
    trees = list(class_trees(train, labels, seed))
    compared = Compared.draw(train, new, seed)
    candidates = []
    for threshold in (None, *sorted(thresholds)):
        joined = groups
        if threshold is not None:
            found = clusters(trees, len(train), threshold, fold_count)
            joined = join_groups(groups, found.tolist())
        folds = dealt(joined, labels, fold_count, seed)
        candidates.append(Candidate(threshold, joined, *compared.distances(folds)))
    return Matching(tuple(candidates))


def class_trees(
    directions: np.ndarray, labels: Sequence[Hashable], seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cluster the photos of each class by average linkage; a class of one photo has no tree.

    Args:
        directions: float32 [photos, width], rows of length 1.
        labels: The class of each photo.
        seed: Of how large classes are parted.

    Yields:
        The photos of a class, or of a part of a large one, and SciPy's linkage matrix of them.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    classes = pd.factorize(np.array(labels, dtype=object))[0]
    for number in range(classes.max() + 1):
        for photos in _parts(np.flatnonzero(classes == number), directions, seed):
            if len(photos) > 1:
                # Half the squared distance of directions is their cosine distance.
                pairs = pdist(directions[photos], "sqeuclidean") / 2
                yield photos, linkage(pairs, "average")


def _parts(photos: np.ndarray, directions: np.ndarray, seed: int) -> list[np.ndarray]:
    """Part the photos of a class that is too large to compare all pairs of it."""
    from sklearn.cluster import BisectingKMeans

    if len(photos) <= LARGEST_TREE:
        return [photos]
    count = -(-2 * len(photos) // LARGEST_TREE)
    halves = BisectingKMeans(count, random_state=seed, bisecting_strategy="largest_cluster")
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


def dealt(groups: np.ndarray, labels: Sequence[Hashable], fold_count: int, seed: int) -> np.ndarray:
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
