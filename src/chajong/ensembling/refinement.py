"""Steps after the pool: family temperatures, specialists and the noise gate.

Each step is fitted by the rule of `cross_fitting` on what the step before it left, and is taken
only where its gain is certain (`certain_gain`); otherwise the probabilities stay as they are, bit
for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from chajong.ensembling.families import name_families
from chajong.ensembling.family_temperature import cross_fit_family_temperatures
from chajong.ensembling.gate import cross_fit_gate
from chajong.ensembling.specialists.specialists import (
    NO_SPECIALISTS,
    Specialists,
    SpecialistSettings,
    cross_fit_specialists,
)
from chajong.ensembling.unlikeness import neighbour_distance
from chajong.predictions.cross_fitting import cross_fitting_parts
from chajong.predictions.metric import label_losses

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.encoders.features import Features
    from chajong.ensembling.family_temperature import FamilyTemperatures
    from chajong.ensembling.gate import Gate
    from chajong.ensembling.pooling import Pooled
    from chajong.predictions.contract import Predictions
    from chajong.predictions.cross_fitting import CrossFitted


Step = TypeVar("Step")

STEPS = ("family temperatures", "specialists", "noise gate")
"""The steps, as reports call them."""


@dataclass(frozen=True, eq=False)
class RefiningSteps:
    """The steps as they treat unseen photos, fitted on all train photos.

    Attributes:
        families: Temperatures inside families.
        specialists: Heads of families.
        gate: The gate to the class prior.
    """

    families: FamilyTemperatures
    specialists: Specialists
    gate: Gate

    def log_probabilities(
        self, pooled: np.ndarray, features: np.ndarray, unlikeness: np.ndarray
    ) -> np.ndarray:
        """Take the pool's answers about unseen photos through the steps.

        Args:
            pooled: float32 [photos, classes].
            features: float32 [photos, width], those that the specialists were fitted on; any where
                none is kept.
            unlikeness: [photos, columns], those that the gate was fitted on; any where it is
                closed.

        Returns:
            float32 [photos, classes].
        """
        tempered = self.families.log_probabilities(pooled)
        specialised = self.specialists.log_probabilities(tempered, features)
        return self.gate.log_probabilities(specialised, unlikeness)


@dataclass(frozen=True, eq=False)
class Refined:
    """The ensemble after its last step.

    Attributes:
        predictions: One row a photo, as the pool's.
        step_losses: The pool's, and one more column a step.
        specialists: Every family that was tried by the specialists for unseen photos; see
            `Specialists.report`.
        unseen: `photo_id`, `split`, `unlikeness` (distance to the nearest train photos, NaN
            without features) and `gate` (share of the prior that was mixed in) of the calibration
            and test photos.
        features_of: The frozen member whose features were looked at, None without features.
        steps: The steps for unseen photos.
    """

    predictions: Predictions
    step_losses: pd.DataFrame
    specialists: pd.DataFrame
    unseen: pd.DataFrame
    features_of: str | None
    steps: RefiningSteps


@dataclass(frozen=True, eq=False)
class _Photos:
    """Photos of the ensemble: which are train photos, and what is known about those.

    Attributes:
        train: bool [photos].
        labels: int [train photos].
        counts: bool [train photos].
        groups: int [train photos].
        parts: int [train photos].
    """

    train: np.ndarray
    labels: np.ndarray
    counts: np.ndarray
    groups: np.ndarray
    parts: np.ndarray

    @property
    def known(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What every fit needs to know of the train photos."""
        return self.labels, self.counts, self.groups, self.parts

    def losses(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Return the log loss of the train photos whose label counts."""
        losses = label_losses(log_probabilities[self.train], self.labels)
        counted: np.ndarray = losses[self.counts]
        return counted

    def apply(
        self,
        fitted: CrossFitted[Step],
        predict: Callable[[Step, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Predict train photos with the step of the other parts, and all others with the overall.

        Args:
            fitted: The step.
            predict: Given a step and photos (int [chosen]), returns an array of one entry each.

        Returns:
            An array of one entry a photo.
        """
        places = np.flatnonzero(self.train)
        seen = fitted.apply(lambda step, rows: predict(step, places[rows]))
        unseen = predict(fitted.overall, np.flatnonzero(~self.train))
        joined = np.empty((len(self.train), *seen.shape[1:]), seen.dtype)
        joined[self.train], joined[~self.train] = seen, unseen
        return joined


def refine_pool(
    pooled: Pooled,
    labels: pd.Series[int],
    folds: pd.DataFrame,
    classes: pd.DataFrame,
    strongest: tuple[str, Features] | None,
) -> Refined:
    """Take the pool through the steps after it.

    Args:
        pooled: The pool.
        labels: The effective class index of each train and calibration photo, by `photo_id`.
        folds: The `folds` table.
        classes: The `classes` table.
        strongest: A frozen member and its features of all readable photos; without them there are
            no specialists, and the gate sees the pool's doubt alone.

    Returns:
        The refined ensemble.
    """
    rows = pooled.predictions.rows
    photos = _photos(rows, labels, folds)
    families = name_families(classes)
    temperatures, tempered = _temper_families(
        photos, pooled.predictions.log_probabilities, families
    )
    specialised, tried = tempered, NO_SPECIALISTS
    unlikeness = np.empty((len(rows), 0), np.float32)
    if strongest is not None:
        features = strongest[1].rows(rows["photo_id"])
        unlikeness = _unlikeness(features, rows)
        specialised, tried = _ask_specialists(photos, tempered, features, families)
    gate, gated, strengths = _close_gate(photos, specialised, unlikeness)
    steps = zip(STEPS, (tempered, specialised, gated), strict=True)
    return Refined(
        predictions=replace(pooled.predictions, log_probabilities=gated),
        step_losses=pooled.step_losses.assign(
            **{step: photos.losses(changed) for step, changed in steps}
        ),
        specialists=tried.report(pooled.predictions.class_names),
        unseen=_unseen_table(rows, photos.train, unlikeness, strengths),
        features_of=None if strongest is None else strongest[0],
        steps=RefiningSteps(temperatures, tried, gate),
    )


def _photos(rows: pd.DataFrame, labels: pd.Series[int], folds: pd.DataFrame) -> _Photos:
    train = (rows["split"] == "train").to_numpy()
    photo_ids = rows.loc[train, "photo_id"]
    groups = folds.set_index("photo_id")["group"].loc[photo_ids].to_numpy()
    return _Photos(
        train=train,
        labels=labels.loc[photo_ids].to_numpy(),
        counts=rows.loc[train, "label_counts"].to_numpy(bool),
        groups=groups,
        parts=cross_fitting_parts(rows.loc[train, "fold"].to_numpy(), groups),
    )


def _temper_families(
    photos: _Photos, before: np.ndarray, families: np.ndarray
) -> tuple[FamilyTemperatures, np.ndarray]:
    fitted = cross_fit_family_temperatures(before[photos.train], *photos.known, families)
    return fitted.overall, photos.apply(fitted, lambda step, at: step.log_probabilities(before[at]))


def _ask_specialists(
    photos: _Photos, before: np.ndarray, features: np.ndarray, families: np.ndarray
) -> tuple[np.ndarray, Specialists]:
    train = photos.train
    fitted = cross_fit_specialists(
        before[train], features[train], *photos.known, families, SpecialistSettings()
    )
    changed = photos.apply(
        fitted, lambda step, at: step.log_probabilities(before[at], features[at])
    )
    return changed, fitted.overall


def _unlikeness(features: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Measure [photos, 1]; where a single fold was trained there is nothing to compare with."""
    folds = rows["fold"].where(rows["split"] == "train", -1).to_numpy()
    if len(np.unique(folds[folds >= 0])) < 2:
        return np.empty((len(rows), 0), np.float32)
    return neighbour_distance(features, folds)[:, None]


def _close_gate(
    photos: _Photos, before: np.ndarray, unlikeness: np.ndarray
) -> tuple[Gate, np.ndarray, np.ndarray]:
    """Return the gate, the gated log-probabilities and the share of the prior in each photo's."""
    train = photos.train
    fitted = cross_fit_gate(before[train], *photos.known, unlikeness[train])
    return (
        fitted.overall,
        photos.apply(fitted, lambda step, at: step.log_probabilities(before[at], unlikeness[at])),
        photos.apply(fitted, lambda step, at: step.strengths(before[at], unlikeness[at])),
    )


def _unseen_table(
    rows: pd.DataFrame, train: np.ndarray, unlikeness: np.ndarray, strengths: np.ndarray
) -> pd.DataFrame:
    table = rows[["photo_id", "split"]].assign(
        unlikeness=unlikeness[:, 0] if unlikeness.shape[1] else np.nan, gate=strengths
    )
    return table[~train].reset_index(drop=True)
