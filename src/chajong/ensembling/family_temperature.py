"""A temperature for each family of look-alike classes, inside the family.

A pool can be sure of the family and unsure inside it, or the other way round; one temperature for
all classes cannot mend both. The mass M of a family stays, and inside it

    p(c) = M · softmax_family(log p / T).

Families have few photos, so log T is held near 0 by a quadratic penalty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chajong.ensembling.families import (
    confusion_families,
    family_classes,
    inside_family,
    move_inside_family,
)
from chajong.predictions.certain_gain import fit_if_certain, label_gains
from chajong.predictions.cross_fitting import CrossFitted, cross_fit

EQUIVALENT_PHOTOS = 20.0
"""The penalty counts as this many typical photos that fit a temperature of 1 perfectly."""

WIDEST = 2.0
"""log T lies between plus and minus this."""


@dataclass(frozen=True)
class FamilyTemperatures:
    """Temperatures inside families.

    Attributes:
        families: The class indices of each family with at least two classes; no class twice.
        temperatures: One a family, positive.
    """

    families: tuple[tuple[int, ...], ...]
    temperatures: tuple[float, ...]

    def log_probabilities(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Divide by the temperatures inside the families.

        Args:
            log_probabilities: [photos, classes], each row a distribution.

        Returns:
            float32 [photos, classes]; classes outside the families as they were.
        """
        changed = log_probabilities.astype(np.float32)
        for family, temperature in zip(self.families, self.temperatures, strict=True):
            classes = np.array(family)
            scores = inside_family(changed, classes) / temperature
            move_inside_family(changed, classes, scores)
        return changed


NO_FAMILY_TEMPERATURES = FamilyTemperatures((), ())


def fit_family_temperatures(
    log_probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    name_families: np.ndarray,
    equivalent_photos: float = EQUIVALENT_PHOTOS,
) -> FamilyTemperatures:
    """Find the families and their temperatures, or leave the probabilities as they are.

    Args:
        log_probabilities: [photos, classes], of photos whose label counts.
        labels: int [photos], class indices.
        groups: int [photos]; photos of one group stay together.
        name_families: int [classes], the families to begin with.
        equivalent_photos: Strength of the penalty.

    Returns:
        The temperatures, or `NO_FAMILY_TEMPERATURES` where the gain is not certain.
    """

    def fit(rows: np.ndarray) -> FamilyTemperatures:
        return _shrunken_temperatures(
            log_probabilities[rows], labels[rows], name_families, equivalent_photos
        )

    def gains(fitted: FamilyTemperatures, rows: np.ndarray) -> np.ndarray:
        before = log_probabilities[rows]
        return label_gains(fitted.log_probabilities(before), before, labels[rows])

    return fit_if_certain(fit, gains, groups, NO_FAMILY_TEMPERATURES)


def cross_fit_family_temperatures(
    log_probabilities: np.ndarray,
    labels: np.ndarray,
    label_counts: np.ndarray,
    groups: np.ndarray,
    parts: np.ndarray,
    name_families: np.ndarray,
    equivalent_photos: float = EQUIVALENT_PHOTOS,
) -> CrossFitted[FamilyTemperatures]:
    """Fit families and temperatures without each part, and once on all photos.

    Args:
        log_probabilities: [photos, classes], out of fold.
        labels: int [photos], class indices.
        label_counts: bool [photos], whether a photo may be fitted on.
        groups: int [photos].
        parts: int [photos], as `cross_fitting_parts` gives them.
        name_families: int [classes], the families to begin with.
        equivalent_photos: Strength of the penalty.

    Raises:
        ValueError: If there are fewer than two parts.
    """

    def fit(rows: np.ndarray) -> FamilyTemperatures:
        counted = rows & label_counts
        return fit_family_temperatures(
            log_probabilities[counted],
            labels[counted],
            groups[counted],
            name_families,
            equivalent_photos,
        )

    return cross_fit(fit, parts)


def _shrunken_temperatures(
    log_probabilities: np.ndarray,
    labels: np.ndarray,
    name_families: np.ndarray,
    equivalent_photos: float,
) -> FamilyTemperatures:
    """Fit one temperature a family, with families made of these photos."""
    families = family_classes(confusion_families(log_probabilities, labels, name_families))
    chosen, scores, given = [], [], []
    for classes in families:
        photos = np.isin(labels, classes)
        if photos.any():
            chosen.append(tuple(classes.tolist()))
            scores.append(inside_family(log_probabilities[photos], classes))
            given.append(np.searchsorted(classes, labels[photos]))
    if not chosen:
        return NO_FAMILY_TEMPERATURES
    # The curvature of a photo's loss in log T at T = 1, if the probabilities are right.
    typical = float(np.concatenate([_variances(score) for score in scores]).mean())
    temperatures = tuple(
        _shrunken_temperature(score, label, equivalent_photos * typical)
        for score, label in zip(scores, given, strict=True)
    )
    return FamilyTemperatures(tuple(chosen), temperatures)


def _variances(scores: np.ndarray) -> np.ndarray:
    """Variance of each row's log-probabilities under that row's probabilities."""
    probabilities = np.exp(scores)
    mean = (probabilities * scores).sum(axis=1)
    variances: np.ndarray = (probabilities * scores**2).sum(axis=1) - mean**2
    return variances


def _shrunken_temperature(scores: np.ndarray, labels: np.ndarray, penalty: float) -> float:
    """Minimise the loss inside a family plus penalty · (log T)² / 2."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    photos = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        inside = log_softmax(scores * np.exp(-log_temperature), axis=1)
        return float(penalty * log_temperature**2 / 2 - inside[photos, labels].sum())

    found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(found.x))
