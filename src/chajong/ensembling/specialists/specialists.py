"""Specialists: for each family of look-alike classes a head, used only where its gain is certain.

A specialist moves probability inside its family; the family's mass and every other class stay as
they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from chajong.ensembling.families import confusion_families, family_classes, inside_family
from chajong.ensembling.specialists.directions import Directions, fit_directions
from chajong.ensembling.specialists.family_head import FamilyHead, fit_family_head
from chajong.predictions.certain_gain import certain_among
from chajong.predictions.cross_fitting import CrossFitted, cross_fit


@dataclass(frozen=True)
class SpecialistSettings:
    """What specialists are fitted with.

    Attributes:
        directions: Directions of the features that a head sees, at most.
        smallest: Photos whose label counts that a family has at least.
        penalties: Strengths of the penalty to choose from, the strongest first.
    """

    directions: int = 64
    smallest: int = 20
    penalties: tuple[float, ...] = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)


@dataclass(frozen=True, eq=False)
class Specialists:
    """Heads of families.

    Attributes:
        directions: What the heads see of the features; None where no family was tried.
        heads: One a family that was tried; those whose gain is certain are used.
    """

    directions: Directions | None
    heads: tuple[FamilyHead, ...]

    @property
    def kept(self) -> tuple[FamilyHead, ...]:
        """The heads that are used: those that certainly gain, though several were tried."""
        tries = len(self.heads)
        return tuple(
            head for head in self.heads if certain_among(head.gain, head.interval[0], tries)
        )

    def log_probabilities(self, log_probabilities: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Move probability inside the families whose specialist is kept.

        Args:
            log_probabilities: [photos, classes], each row a distribution.
            features: float32 [photos, width].

        Returns:
            float32 [photos, classes]; classes of other families as they were.
        """
        changed = log_probabilities.astype(np.float32)
        if self.directions is not None and self.kept:
            directions = self.directions.inputs(features)
            for head in self.kept:
                head.move(changed, directions)
        return changed

    def report(self, class_names: Sequence[str]) -> pd.DataFrame:
        """Return one row a family that was tried, the largest gain over all photos first.

        Args:
            class_names: The effective classes, in order.

        Returns:
            `classes` (names, joined by commas), `photos` of these classes, `gain` in nats a photo
            of these classes, its 95 % interval `gain_low` and `gain_high`, `penalty` and `kept`.
        """
        kept = self.kept
        ordered = sorted(self.heads, key=lambda head: -head.gain * head.photos)
        rows = [
            (
                ", ".join(class_names[index] for index in head.classes),
                head.photos,
                head.gain,
                *head.interval,
                head.penalty,
                head in kept,
            )
            for head in ordered
        ]
        columns = ["classes", "photos", "gain", "gain_low", "gain_high", "penalty", "kept"]
        return pd.DataFrame(rows, columns=columns)


NO_SPECIALISTS = Specialists(None, ())


def fit_specialists(
    log_probabilities: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    name_families: np.ndarray,
    settings: SpecialistSettings,
) -> Specialists:
    """Find the families and fit a head to each.

    Args:
        log_probabilities: [photos, classes], of photos whose label counts.
        features: float32 [photos, width].
        labels: int [photos], class indices.
        groups: int [photos]; photos of one group stay together.
        name_families: int [classes], the families to begin with.
        settings: What to fit with.

    Returns:
        The heads of all families that were tried. A family is tried if two of its classes have
        photos and these are enough, of at least two groups; classes without a photo are left as
        they are.
    """
    families = confusion_families(log_probabilities, labels, name_families)
    present = np.unique(labels)
    tried = []
    for family in family_classes(families):
        classes = np.intersect1d(family, present)
        photos = np.isin(labels, classes)
        enough = len(classes) > 1 and photos.sum() >= settings.smallest
        if enough and len(np.unique(groups[photos])) > 1:
            tried.append((classes, photos))
    if not tried:
        return NO_SPECIALISTS
    directions = fit_directions(features, settings.directions)
    inputs = directions.inputs(features)
    heads = [
        fit_family_head(
            own=inside_family(log_probabilities[photos], classes),
            directions=inputs[photos],
            labels=np.searchsorted(classes, labels[photos]),
            groups=groups[photos],
            classes=classes,
            penalties=settings.penalties,
        )
        for classes, photos in tried
    ]
    return Specialists(directions, tuple(heads))


def cross_fit_specialists(
    log_probabilities: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    label_counts: np.ndarray,
    groups: np.ndarray,
    parts: np.ndarray,
    name_families: np.ndarray,
    settings: SpecialistSettings,
) -> CrossFitted[Specialists]:
    """Fit families and specialists without each part, and once on all photos.

    Args:
        log_probabilities: [photos, classes], out of fold.
        features: float32 [photos, width], of encoders that know no folds.
        labels: int [photos], class indices.
        label_counts: bool [photos], whether a photo may be fitted on.
        groups: int [photos].
        parts: int [photos], as `cross_fitting_parts` gives them.
        name_families: int [classes], the families to begin with.
        settings: What to fit with.

    Raises:
        ValueError: If there are fewer than two parts.
    """

    def fit(rows: np.ndarray) -> Specialists:
        counted = rows & label_counts
        return fit_specialists(
            log_probabilities[counted],
            features[counted],
            labels[counted],
            groups[counted],
            name_families,
            settings,
        )

    return cross_fit(fit, parts)
