"""The ensemble as it answers about new photos: members, pool, and the step after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.inference.agreement import keep_answers
from chajong.inference.member_models import members_needed
from chajong.photos.preparation import StoreSettings
from chajong.predictions.scoring import class_prior, train_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from chajong.ensembling.family_temperature import FamilyTemperatures
    from chajong.ensembling.pooling import Pooled
    from chajong.ensembling.pools.pool import Pool
    from chajong.ensembling.refinement import Refined
    from chajong.inference.agreement import KeptAnswers
    from chajong.inference.member_models import PhotoAnswers
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions


@dataclass(frozen=True, eq=False)
class Ensemble:
    """All that is needed to answer about new photos as about the test photos.

    Attributes:
        members: The pooled members, in the order of the pool's weights.
        pool: The pool, with the final temperature.
        families: Temperatures inside families of look-alikes, after the pool.
        checkpoints: The members' checkpoints, with those that they build on.
        classes: The `classes` table.
        prior: float64 [classes], how frequent each effective class was in training.
        store_settings: How photos were kept.
        confusions: `given`, `predicted`, `photos` and `of`: how often photos of one class were
            answered as another, out of fold.
        card: The model card, Markdown with a YAML header.
        figures: Out-of-fold figures of the ensemble.
        kept: What its run said about a few photos.
    """

    members: tuple[str, ...]
    pool: Pool
    families: FamilyTemperatures
    checkpoints: Mapping[str, Checkpoint]
    classes: pd.DataFrame
    prior: np.ndarray
    store_settings: StoreSettings
    confusions: pd.DataFrame
    card: str
    figures: dict[str, Any]
    kept: KeptAnswers

    @property
    def asked(self) -> tuple[str, ...]:
        """The members whose answers count; those without weight need not be asked."""
        weighed = zip(self.members, self.pool.weights, strict=True)
        return tuple(member for member, weight in weighed if weight > 0)

    def log_probabilities(self, photos: PhotoAnswers) -> np.ndarray:
        """Answer about photos.

        Args:
            photos: What the members say about them.

        Returns:
            float32 [photos, classes].
        """
        return self.pooled([photos.of(member) for member in self.asked])

    def pooled(self, said: Sequence[np.ndarray]) -> np.ndarray:
        """Pool what members say, and share families' mass anew.

        Args:
            said: float32 [photos, classes] of each of `asked`.

        Returns:
            float32 [photos, classes].
        """
        weights = tuple(weight for weight in self.pool.weights if weight > 0)
        pool = replace(self.pool, weights=weights)
        return self.families.log_probabilities(pool.log_probabilities(said))


def build_ensemble(
    pooled: Pooled,
    refined: Refined,
    checkpoints: Mapping[str, Checkpoint],
    predictions: Mapping[str, Predictions],
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    store: PhotoStore,
    card: str,
    figures: dict[str, Any],
) -> Ensemble:
    """Gather what a run fitted.

    Args:
        pooled: The pool of members that all have a checkpoint.
        refined: The step after it.
        checkpoints: By member, of all that exist.
        predictions: By member.
        tables: The `photos`, `classes` and `folds` tables.
        store: The run's photos.
        card: The model card.
        figures: Out-of-fold figures.
    """
    photos, classes, folds = tables
    configurations = {name: each.configuration for name, each in checkpoints.items()}
    needed = members_needed(pooled.members, configurations)
    labels = train_labels(photos, classes)
    counted = labels.loc[folds.loc[folds["label_counts"], "photo_id"]].to_numpy()
    class_count = len(refined.predictions.class_names)
    answered = {name: predictions[name] for name in needed if name in predictions}
    return Ensemble(
        members=pooled.members,
        pool=pooled.final_pool,
        families=refined.families,
        checkpoints={name: checkpoints[name] for name in needed},
        classes=classes,
        prior=class_prior(counted, class_count),
        store_settings=StoreSettings(**store.settings),
        confusions=_confusions(refined, labels),
        card=card,
        figures=figures,
        kept=keep_answers(refined.predictions, answered, photos, store),
    )


def _confusions(refined: Refined, labels: pd.Series[int]) -> pd.DataFrame:
    """Count how often photos of one class are answered as another, out of fold."""
    import pandas as pd

    predictions = refined.predictions
    counted = ((predictions.rows["split"] == "train") & predictions.rows["label_counts"]).to_numpy()
    given = labels.loc[predictions.rows.loc[counted, "photo_id"]].to_numpy()
    answered = predictions.log_probabilities[counted].argmax(axis=1)
    names = pd.Series(predictions.class_names, dtype=object)
    pairs = pd.DataFrame({"given": given, "predicted": answered})
    table = pairs[given != answered].value_counts().rename("photos").reset_index()
    table["of"] = np.bincount(given, minlength=len(names))[table["given"].astype(int)]
    named: pd.DataFrame = table.assign(
        given=names.loc[table["given"]].to_numpy(),
        predicted=names.loc[table["predicted"]].to_numpy(),
    )
    return named
