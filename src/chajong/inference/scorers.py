"""How each kind of member scores new photos: as its fold models scored the test photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from chajong.device import best_device
from chajong.encoders.extraction import encode_all
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion
from chajong.members.backbone.names import fusion_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.checkpoint import check_class_names
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.fold_models import (
    EVIDENCE,
    by_zoom,
    compare,
    embedding_views,
    scored_by_names,
)
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.heads.checkpoint import fold_models
from chajong.members.trained.checkpoint import fold_weights, restore_fold_models
from chajong.members.trained.views import log_probability_views
from chajong.members.vlm.asking import ask_about_all, ask_where_unsure
from chajong.members.vlm.candidate_merge import MEMBER_ALONE, CandidateMerge
from chajong.members.vlm.checkpoint import restore_fold_model
from chajong.members.vlm.parameters import VlmClassifierParameters
from chajong.members.vlm.questions import QuestionWriter
from chajong.members.vlm.scoring import score_photos
from chajong.predictions.contract import effective_class_names
from chajong.predictions.mixture import Mixture
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from chajong.encoders.views import ViewAverage
    from chajong.inference.member_models import ByFold, PhotoAnswers
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.vlm.asking import Score
    from chajong.members.vlm.classifier import VlmClassifier
    from chajong.members.vlm.questions import Question


class Scorer(Protocol):
    """Scores photos as each of a member's fold models does."""

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """Give log-probabilities float32 [photos, classes] by fold."""


def build_scorer(member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> Scorer:
    """Build a member's fold models.

    Args:
        member: Its name, which says what kind it is.
        checkpoint: Its checkpoint.
        classes: The `classes` table.

    Raises:
        CheckpointError: The checkpoint is of other classes, or a model does not reproduce the
            scores that were saved with it.
    """
    check_class_names(checkpoint, effective_class_names(classes))
    if member in ("backbone", "fusion"):
        return TrainedScorer(_trained_views(member, checkpoint, classes), checkpoint)
    if member == "clip":
        return ClipScorer(checkpoint, classes)
    if member == "clip_zero_shot":
        return ZeroShotScorer(checkpoint, classes)
    if member == "vlm":
        return VlmScorer(checkpoint)
    return HeadsScorer(member, checkpoint)


class HeadsScorer:
    """Light heads on the features of a frozen encoder, or of several joined."""

    def __init__(self, member: str, checkpoint: Checkpoint) -> None:
        """Build the heads."""
        self._member = member
        self._models = fold_models(checkpoint)

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """See `Scorer`."""
        import torch

        features = torch.from_numpy(photos.features(self._member))
        return {fold: model.log_probabilities(features) for fold, model in enumerate(self._models)}


class TrainedScorer:
    """Trained classifiers whose answers need nothing but a temperature."""

    def __init__(self, views: dict[int, ViewAverage], checkpoint: Checkpoint) -> None:
        """Keep the fold models."""
        self._views = views
        self._mixture = Mixture((1 / checkpoint.configuration["temperature"],))

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """See `Scorer`."""
        return {
            fold: self._mixture.log_probabilities([_ask(views, photos)])
            for fold, views in self._views.items()
        }


def _ask(views: ViewAverage, photos: PhotoAnswers) -> np.ndarray:
    return encode_all(photos.contents, photos.store, views)


def _trained_views(
    member: str, checkpoint: Checkpoint, classes: pd.DataFrame
) -> dict[int, ViewAverage]:
    class_names = effective_class_names(classes)
    configuration = checkpoint.configuration["model"]
    parameters: BackboneParameters
    if member == "backbone":
        parameters = backbone = BackboneParameters(**configuration)

        def build(_: int) -> torch.nn.Module:
            return build_backbone(backbone, len(class_names))
    else:
        parameters = fusion = FusionParameters(**configuration)
        names = fusion_targets(classes, fusion)

        def build(_: int) -> torch.nn.Module:
            return build_fusion(fusion, names)

    models = restore_fold_models(
        checkpoint, build, lambda model: log_probability_views(model, parameters), class_names
    )
    return {fold: log_probability_views(model, parameters) for fold, model in models.items()}


class ClipScorer:
    """Fine-tuned CLIP models that compare photos with names, prototypes and neighbours."""

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
        )
        self._models: dict[int, ClipClassifier] = restored
        self._tensors = checkpoint.tensors
        weights = configuration["evidence"]
        self._mixture = Mixture(tuple(weights[kind] for kind in EVIDENCE))

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """See `Scorer`."""
        scored = {}
        for fold, model in self._models.items():
            views = embedding_views(model, self._parameters)
            embedded = by_zoom(_ask(views, photos), self._parameters)
            seen = self._tensors[f"evidence.fold_{fold}.photos"].float()
            labels = self._tensors[f"evidence.fold_{fold}.labels"]
            evidence = compare(model, embedded, seen, labels)
            scored[fold] = self._mixture.log_probabilities(evidence)
        return scored


class ZeroShotScorer:
    """One CLIP model that knows the names alone."""

    def __init__(self, checkpoint: Checkpoint, classes: pd.DataFrame) -> None:
        """Build the model."""
        self._parameters = ClipParameters(**checkpoint.configuration["model"])
        model = build_clip_classifier(self._parameters, class_prompts(classes))
        self._model = model.eval().to(best_device())
        self._mixture = Mixture((1 / checkpoint.configuration["temperature"],))

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """See `Scorer`; every fold's model would say the same."""
        views = embedding_views(self._model, self._parameters)
        embedded = by_zoom(_ask(views, photos), self._parameters)
        return {0: self._mixture.log_probabilities([scored_by_names(self._model, embedded)])}


class VlmScorer:
    """A vision-language model that is asked about another member's candidates, or all names."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read what was fitted; the model is built when it is first asked."""
        self._checkpoint = checkpoint
        configuration = checkpoint.configuration
        self._hinting = configuration["hinting_member"]
        self._folds = configuration["folds"]
        self._fitted = configuration["fitted"]
        self._parameters = VlmClassifierParameters(**configuration["model"])
        self._writer = QuestionWriter(self._parameters, configuration["class_names"])
        self._model: VlmClassifier | None = None

    def __call__(self, photos: PhotoAnswers) -> ByFold:
        """See `Scorer`."""
        if self._hinting is None:
            return {fold: self._alone(fold, photos) for fold in self._folds}
        hints = photos.by_fold(self._hinting)
        return {fold: self._merged(fold, photos, hints[fold]) for fold in self._folds}

    def _alone(self, fold: int, photos: PhotoAnswers) -> np.ndarray:
        scores = ask_about_all(self._writer, photos.contents, self._score(fold, photos))
        return Mixture((1 / self._fitted["answer_temperature"],)).log_probabilities([scores])

    def _merged(self, fold: int, photos: PhotoAnswers, predicted: np.ndarray) -> np.ndarray:
        merge = CandidateMerge(self._fitted["member_weight"], self._fitted["answer_weight"])
        if merge == MEMBER_ALONE:
            return predicted
        answers = ask_where_unsure(
            self._writer,
            photos.contents,
            pd.DataFrame(index=range(len(photos.contents))),
            predicted,
            self._score(fold, photos),
        )
        return answers.merged(merge)

    def _score(self, fold: int, photos: PhotoAnswers) -> Score:
        """Ask one fold's model, which is built when it is first asked."""

        def score(asked: Sequence[str], questions: Sequence[Question]) -> np.ndarray:
            model = self._fold_model(fold)
            return score_photos(model, asked, questions, photos.store, f"vlm, fold {fold}")

        return score

    def _fold_model(self, fold: int) -> VlmClassifier:
        """Give one fold's model; all folds share one model, whose adapters are put in."""
        if self._model is None:
            self._model = restore_fold_model(self._checkpoint, self._folds[0])
        if weights := fold_weights(self._checkpoint, fold):
            load_trained_weights(self._model, weights)
        return self._model
