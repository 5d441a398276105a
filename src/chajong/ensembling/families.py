"""Families of look-alike classes, and moving probability inside one without touching its mass."""

from __future__ import annotations

import numpy as np
import pandas as pd

STRONG_CONFUSION = 0.05
"""Mutual confusion from which two classes are joined."""

LARGEST_FAMILY = 12
"""Classes that a family joined by confusion has at most."""


def name_families(classes: pd.DataFrame) -> np.ndarray:
    """Put classes of one maker and one model line into one family.

    Args:
        classes: One row a class name, with `effective_id`, `maker` and `base`.

    Returns:
        int [effective classes], the family of each, numbered in the order of their first class.
    """
    effective = classes.drop_duplicates("effective_id").sort_values("effective_id")
    models = pd.MultiIndex.from_frame(effective[["maker", "base"]].fillna(""))
    families, _ = pd.factorize(models)
    return np.asarray(families, np.int64)


def confusion_families(
    log_probabilities: np.ndarray, labels: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Join the families of classes that are strongly confused, the most confused first.

    The mutual confusion of two classes is the mean probability that photos of the one give to the
    other, in both directions added up. Two families stay apart where they would together have
    more than `LARGEST_FAMILY` classes.

    Args:
        log_probabilities: [photos, classes], of photos whose label counts.
        labels: int [photos], class indices.
        start: int [classes], the families to begin with, as `name_families` gives them.

    Returns:
        int [classes], the family of each class, numbered in the order of their first class.
    """
    confusion = mutual_confusion(log_probabilities, labels)
    first, second = np.nonzero(np.triu(confusion, 1) >= STRONG_CONFUSION)
    families = start.copy()
    for pair in np.argsort(-confusion[first, second], kind="stable"):
        one, other = families[first[pair]], families[second[pair]]
        joined = (families == one) | (families == other)
        if one != other and joined.sum() <= LARGEST_FAMILY:
            families[joined] = one
    return np.asarray(pd.factorize(families)[0], np.int64)


def mutual_confusion(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mutual confusion of every two classes, float64 [classes, classes]."""
    classes = log_probabilities.shape[1]
    given = np.zeros((classes, classes))
    for label in np.unique(labels):
        given[label] = np.exp(log_probabilities[labels == label]).mean(axis=0)
    return given + given.T


def family_classes(families: np.ndarray) -> list[np.ndarray]:
    """Return the class indices of every family that has at least two, in order."""
    sizes = np.bincount(families)
    return [np.flatnonzero(families == family) for family in np.flatnonzero(sizes > 1)]


def inside_family(log_probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return log-probabilities given that a photo's class is in a family.

    Args:
        log_probabilities: [photos, classes].
        classes: int [members], the family's class indices.

    Returns:
        float64 [photos, members].
    """
    from scipy.special import log_softmax

    inside: np.ndarray = log_softmax(log_probabilities[:, classes].astype(np.float64), axis=1)
    return inside


def move_inside_family(
    log_probabilities: np.ndarray, classes: np.ndarray, scores: np.ndarray
) -> None:
    """Share a family's mass among its classes anew, in place.

    No class falls below the photo's least probable one: what few photos cannot rule out for a pool
    (its floor), they cannot rule out inside a family.

    Args:
        log_probabilities: [photos, classes]; the columns outside the family are not written.
        classes: int [members], the family's class indices.
        scores: [photos, members], unnormalised log scores.
    """
    from scipy.special import log_softmax, logsumexp

    own = log_probabilities[:, classes].astype(np.float64)
    mass = logsumexp(own, axis=1, keepdims=True)
    least = log_probabilities.min(axis=1, keepdims=True).astype(np.float64) - mass
    # Each of the classes had at least the least, so that this share is at most 1.
    floor = np.minimum(len(classes) * np.exp(least), 1)
    inside = (1 - floor) * np.exp(log_softmax(scores, axis=1)) + floor / len(classes)
    log_probabilities[:, classes] = mass + np.log(inside)
