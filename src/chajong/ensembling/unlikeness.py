"""How unlike the known photos a photo is, by the features of a frozen encoder."""

from __future__ import annotations

import numpy as np

NEIGHBOURS = 5
PHOTOS_AT_ONCE = 1_024


def neighbour_distance(
    features: np.ndarray, folds: np.ndarray, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """Measure how far each photo is from the nearest train photos that are not of its fold.

    Photos of one group lie in one fold, so that no photo is near its own near-duplicate. A photo
    that is in no fold is measured against the train photos outside each fold in turn, so that all
    photos are measured against equally large sets. Photos are compared in blocks; the largest
    block takes 4 bytes times `PHOTOS_AT_ONCE` times the train photos of a fold.

    Args:
        features: float32 [photos, width], of train, calibration and test photos in any order.
        folds: int [photos], the fold of a train photo, negative for a photo that is in no fold.
        neighbours: Nearest train photos that count; all where there are fewer.

    Returns:
        float32 [photos], the mean cosine distance to the nearest train photos, from 0 to 2.

    Raises:
        ValueError: If the train photos are not of at least two folds.
    """
    return distance_to_known(features, folds, features[folds >= 0], folds[folds >= 0], neighbours)


def distance_to_known(
    features: np.ndarray,
    folds: np.ndarray,
    known: np.ndarray,
    known_folds: np.ndarray,
    neighbours: int = NEIGHBOURS,
) -> np.ndarray:
    """Measure photos against train photos that are given apart; see `neighbour_distance`.

    Args:
        features: float32 [photos, width].
        folds: int [photos], as for `neighbour_distance`.
        known: float32 [train photos, width].
        known_folds: int [train photos], none negative.
        neighbours: Nearest train photos that count.

    Returns:
        float32 [photos].

    Raises:
        ValueError: If the train photos are not of at least two folds.
    """
    names = np.unique(known_folds)
    if len(names) < 2:
        raise ValueError(
            f"The train photos are of {len(names)} folds: a photo's neighbours are looked for "
            "outside its fold, so that at least two are needed."
        )
    unit, unit_known = _unit(features), _unit(known)
    by_fold = [unit_known[known_folds == fold].T for fold in names]
    distances = np.empty(len(features), np.float32)
    for start in range(0, len(features), PHOTOS_AT_ONCE):
        block = slice(start, start + PHOTOS_AT_ONCE)
        nearest = [_largest(unit[block] @ photos, neighbours) for photos in by_fold]
        outside = np.stack([_outside(nearest, fold, neighbours) for fold in range(len(names))])
        own = folds[block] == names[:, None]
        similarity = np.where(own.any(axis=0), (outside * own).sum(axis=0), outside.mean(axis=0))
        distances[block] = 1 - similarity
    return distances


def _unit(features: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _outside(nearest: list[np.ndarray], fold: int, neighbours: int) -> np.ndarray:
    """Return the mean of each row's largest similarities in all folds but one, [photos]."""
    others = np.concatenate(nearest[:fold] + nearest[fold + 1 :], axis=1)
    similarity: np.ndarray = _largest(others, neighbours).mean(axis=1)
    return similarity


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return each row's largest values in any order, all where there are not more."""
    if values.shape[1] <= count:
        return values
    return np.partition(values, -count, axis=1)[:, -count:]
