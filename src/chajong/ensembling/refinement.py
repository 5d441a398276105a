"""The step after the pool: temperatures inside families of look-alikes.

It is fitted by the rule of `cross_fitting` on what the pool left, and is taken only where its gain
is certain (`certain_gain`); otherwise the probabilities stay as they are, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chajong.ensembling.families import name_families
from chajong.ensembling.family_temperature import cross_fit_family_temperatures
from chajong.predictions.cross_fitting import cross_fitting_parts
from chajong.predictions.metric import label_losses

if TYPE_CHECKING:
    import pandas as pd

    from chajong.ensembling.family_temperature import FamilyTemperatures
    from chajong.ensembling.pooling import Pooled
    from chajong.predictions.contract import Predictions

STEP = "family temperatures"
"""The step, as reports call it."""


@dataclass(frozen=True, eq=False)
class Refined:
    """The ensemble after its last step.

    Attributes:
        predictions: One row a photo, as the pool's.
        step_losses: The pool's, and one more column.
        families: The temperatures as they treat unseen photos, fitted on all train photos.
    """

    predictions: Predictions
    step_losses: pd.DataFrame
    families: FamilyTemperatures


def refine_pool(
    pooled: Pooled, labels: pd.Series[int], folds: pd.DataFrame, classes: pd.DataFrame
) -> Refined:
    """Divide by a temperature inside each family, where that helps for certain.

    Args:
        pooled: The pool.
        labels: The effective class index of each train and calibration photo, by `photo_id`.
        folds: The `folds` table.
        classes: The `classes` table.

    Returns:
        The refined ensemble: train photos by the temperatures of the other parts.
    """
    rows, before = pooled.predictions.rows, pooled.predictions.log_probabilities
    train = (rows["split"] == "train").to_numpy()
    own = rows[train]
    given = labels.loc[own["photo_id"]].to_numpy()
    counts = own["label_counts"].to_numpy(bool)
    groups = folds.set_index("photo_id")["group"].loc[own["photo_id"]].to_numpy()
    parts = cross_fitting_parts(own["fold"].to_numpy(), groups)
    fitted = cross_fit_family_temperatures(
        before[train], given, counts, groups, parts, name_families(classes)
    )
    places = np.flatnonzero(train)
    after = fitted.overall.log_probabilities(before)
    after[train] = fitted.apply(lambda step, at: step.log_probabilities(before[places[at]]))
    losses = label_losses(after[train], given)[counts]
    return Refined(
        predictions=replace(pooled.predictions, log_probabilities=after),
        step_losses=pooled.step_losses.assign(**{STEP: losses}),
        families=fitted.overall,
    )
