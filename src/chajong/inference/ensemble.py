"""The ensemble as it answers about new photos: members, pool, and the steps after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.ensembling.unlikeness import distance_to_known
from chajong.inference.member_models import members_needed
from chajong.predictions.scoring import class_prior, train_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.ensembling.pooling import Pooled
    from chajong.ensembling.pools.pool import Pool
    from chajong.ensembling.refinement import Refined, RefiningSteps
    from chajong.inference.member_models import PhotoAnswers
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.preparation import StoreSettings


@dataclass(frozen=True, eq=False)
class KnownPhotos:
    """Features of the train photos, for a gate that looks at how unlike them a photo is.

    Attributes:
        features: float16 or float32 [photos, width].
        folds: int [photos].
    """

    features: np.ndarray
    folds: np.ndarray


@dataclass(frozen=True, eq=False)
class Ensemble:
    """All that is needed to answer about new photos as about the test photos.

    Attributes:
        members: The pooled members, in the order of the pool's weights.
        pool: The pool, with the final temperature.
        steps: The steps after the pool; None for a single member.
        features_of: The frozen member whose features the steps look at, None where none is.
        known: Features of the train photos, None where the steps do not look at them.
        checkpoints: The members' checkpoints, with those that they build on.
        classes: The `classes` table.
        prior: float64 [classes], how frequent each effective class was in training.
        store_settings: How photos were kept.
        confusions: `given`, `predicted`, `photos` and `of`: how often photos of one class were
            answered as another, out of fold.
        card: The model card, Markdown with a YAML header.
        figures: Out-of-fold figures of the ensemble.
    """

    members: tuple[str, ...]
    pool: Pool
    steps: RefiningSteps | None
    features_of: str | None
    known: KnownPhotos | None
    checkpoints: Mapping[str, Checkpoint]
    classes: pd.DataFrame
    prior: np.ndarray
    store_settings: StoreSettings
    confusions: pd.DataFrame
    card: str
    figures: dict[str, Any]

    def log_probabilities(self, photos: PhotoAnswers) -> np.ndarray:
        """Answer about photos.

        Args:
            photos: What the members say about them.

        Returns:
            float32 [photos, classes].
        """
        pooled = self.pool.log_probabilities([photos.of(member) for member in self.members])
        if self.steps is None:
            return pooled
        nothing = np.empty((len(pooled), 0), np.float32)
        features = nothing if self.features_of is None else photos.features(self.features_of)
        return self.steps.log_probabilities(pooled, features, self._unlikeness(features))

    def _unlikeness(self, features: np.ndarray) -> np.ndarray:
        if self.known is None:
            return np.empty((len(features), 0), np.float32)
        outside = np.full(len(features), -1)
        known = self.known.features.astype(np.float32)
        return distance_to_known(features, outside, known, self.known.folds)[:, None]


def build_ensemble(
    pooled: Pooled,
    refined: Refined,
    checkpoints: Mapping[str, Checkpoint],
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    store_settings: StoreSettings,
    features: Features | None,
    card: str,
    figures: dict[str, Any],
) -> Ensemble:
    """Gather what a run fitted.

    Args:
        pooled: The pool of members that all have a checkpoint.
        refined: The steps after it.
        checkpoints: By member, of all that exist.
        tables: The `photos`, `classes` and `folds` tables.
        store_settings: How the run kept its photos.
        features: Those of `refined.features_of`.
        card: The model card.
        figures: Out-of-fold figures.
    """
    photos, classes, folds = tables
    configurations = {name: each.configuration for name, each in checkpoints.items()}
    wanted = list(pooled.members)
    # The steps look at the features of a member that may not be pooled itself.
    looked_at = _looked_at(refined)
    if looked_at and looked_at not in wanted:
        wanted.append(looked_at)
    labels = train_labels(photos, classes)
    counted = labels.loc[folds.loc[folds["label_counts"], "photo_id"]].to_numpy()
    class_count = len(refined.predictions.class_names)
    return Ensemble(
        members=pooled.members,
        pool=pooled.final_pool,
        steps=refined.steps,
        features_of=looked_at,
        known=_known_photos(refined, folds, features),
        checkpoints={name: checkpoints[name] for name in members_needed(wanted, configurations)},
        classes=classes,
        prior=class_prior(counted, class_count),
        store_settings=store_settings,
        confusions=_confusions(refined, labels),
        card=card,
        figures=figures,
    )


def _looked_at(refined: Refined) -> str | None:
    """Name the member whose features change an answer, None where no feature does."""
    used = refined.steps.specialists.kept or not refined.steps.gate.closed
    return refined.features_of if used else None


def _known_photos(
    refined: Refined, folds: pd.DataFrame, features: Features | None
) -> KnownPhotos | None:
    """Keep the train photos' features where the gate was fitted on how unlike they are."""
    gate = refined.steps.gate
    # Two signs are the pool's own; a third is the distance to the known photos.
    if gate.closed or len(gate.slopes) == 2 or features is None:
        return None
    rows = refined.predictions.rows.query("split == 'train'")
    matrix = features.rows(rows["photo_id"]).astype(features.matrix.dtype)
    return KnownPhotos(matrix, rows["fold"].to_numpy())


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
