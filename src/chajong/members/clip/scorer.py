"""How CLIP models, trained or zero-shot, score new photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.encoders.backends import choose_backends
from chajong.encoders.extraction import encode_all, encode_by_each
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.fold_models import (
    EVIDENCE,
    by_zoom,
    compare,
    embedding_views,
    known_to,
    scored_by_names,
)
from chajong.members.clip.interpolation import loading_of
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.trained.checkpoint import restore_fold_model, restore_fold_models
from chajong.members.trained.views import log_probability_views
from chajong.predictions.contract import effective_class_names
from chajong.predictions.mixture import Mixture

if TYPE_CHECKING:
    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.kind import ByFold, NewPhotos


class ClipScorer:
    """Fine-tuned models that compare photos with names, prototypes and neighbours; see `Scorer`."""

    def __init__(self, checkpoint: Checkpoint, classes: pd.DataFrame) -> None:
        """Build the fold models, and read the training photos that they compare with."""
        configuration = checkpoint.configuration
        self._parameters = parameters = ClipParameters(**configuration["model"])
        prompts = class_prompts(classes)
        restored: dict[int, Any] = restore_fold_models(
            checkpoint,
            lambda _: build_clip_classifier(parameters, prompts),
            lambda model: log_probability_views(model, parameters),
            effective_class_names(classes),
            loading_of(configuration),
        )
        self._models: dict[int, ClipClassifier] = restored
        self._known = {
            fold: known_to(
                model,
                checkpoint.tensors[f"evidence.fold_{fold}.photos"].float(),
                checkpoint.tensors[f"evidence.fold_{fold}.labels"],
            )
            for fold, model in self._models.items()
        }
        choose_backends(self._models.values())
        weights = configuration["evidence"]
        self._mixture = Mixture(tuple(weights[kind] for kind in EVIDENCE))

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`."""
        views = {
            fold: embedding_views(model, self._parameters) for fold, model in self._models.items()
        }
        embedded = encode_by_each(photos.contents, photos.store, views)
        return {
            fold: self._mixture.log_probabilities(
                compare(self._known[fold], by_zoom(of_fold, self._parameters))
            )
            for fold, of_fold in embedded.items()
        }


class ZeroShotScorer:
    """One model that knows the names alone; see `Scorer`."""

    def __init__(self, checkpoint: Checkpoint, classes: pd.DataFrame) -> None:
        """Build the model."""
        self._parameters = ClipParameters(**checkpoint.configuration["model"])
        self._folds = checkpoint.configuration["folds"]
        # They all are one model, which nobody trained.
        restored: Any = restore_fold_model(
            checkpoint,
            self._folds[0],
            lambda _: build_clip_classifier(self._parameters, class_prompts(classes)),
            lambda model: log_probability_views(model, self._parameters),
        )
        self._model: ClipClassifier = restored
        choose_backends([self._model])
        self._mixture = Mixture((1 / checkpoint.configuration["temperature"],))

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`; every fold's model says the same."""
        views = embedding_views(self._model, self._parameters)
        embedded = by_zoom(encode_all(photos.contents, photos.store, views), self._parameters)
        scored = self._mixture.log_probabilities([scored_by_names(self._model, embedded)])
        return dict.fromkeys(self._folds, scored)
