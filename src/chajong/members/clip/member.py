"""The members of CLIP models: trained end to end, and zero-shot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from chajong.device import best_device
from chajong.encoders.published import weights_identity
from chajong.engine import HERE
from chajong.members.clip.car_likeness import car_likeness
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.fold_models import (
    EVIDENCE,
    FoldModels,
    embed_photos,
    scored_by_names,
)
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.clip.towers import at_commits, other_tokenizer
from chajong.members.trained.checkpoint import (
    proof_photos,
    trained_checkpoint,
)
from chajong.members.trained.member import (
    Scored,
    calibrated_predictions,
    join_scored,
    trained_metrics,
)
from chajong.members.trained.views import log_probability_views
from chajong.predictions.measurement import measure
from chajong.training.folds import CALIBRATION

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from chajong.engine import Engine
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights

NOT_IN_KEY = {
    "weights",
    "revision",
    "tokenizer_revision",
    "flip",
    "zoom",
    "prediction_batch_size",
    "wise_ft_alphas",
}
"""Settings of prediction, which training does not depend on; weights go in by content."""


def model_identity(parameters: ClipParameters, classes: pd.DataFrame) -> dict[str, Any]:
    """Say which model starts from which weights and compares with which words, as JSON values."""
    return {
        **parameters.model_dump(mode="json", exclude=NOT_IN_KEY),
        "weights": weights_identity(parameters),
        "sentences": class_prompts(classes).in_languages(parameters.languages),
        **_tokenizer_identity(parameters),
    }


def _tokenizer_identity(parameters: ClipParameters) -> dict[str, str]:
    other = other_tokenizer(parameters)
    return {"tokenizer": f"{other}@{at_commits(parameters).tokenizer_revision}"} if other else {}


def clip_builder(
    parameters: ClipParameters, tables: TrainingTables
) -> Callable[[int], Callable[[], ClipClassifier]]:
    """Say how a fold's model is made.

    Classes that none of the fold's training photos shows are kept out of its loss: a photo that is
    always another car says nothing about them, and they are scored by their names later.
    """
    prompts = class_prompts(tables.classes)
    settings = at_commits(parameters)
    return lambda fold: partial(
        build_clip_classifier, settings, prompts, tables.classes_shown_to(fold)
    )


def predict_folds(
    weights: dict[int, Weights],
    training: dict[str, Any],
    parameters: ClipParameters,
    tables: TrainingTables,
    engine: Engine = HERE,
) -> tuple[Predictions, Checkpoint, dict[str, Any]]:
    """Let every fold's model score the photos that it did not train on.

    α of WiSE-FT is chosen out of fold by the names alone; then names, photo
    prototypes and neighbours are mixed by weights that are fitted out of fold.

    Args:
        weights: Trained weights by fold.
        training: What the training cost and was kept under.
        parameters: The α that are tried, and the views of a photo.
        tables: The photos.
        engine: Where they score.

    Returns:
        The predictions, the models as a checkpoint, and the metrics.
    """
    with measure() as measurement:
        models = FoldModels(weights, parameters, tables, engine)
        alphas = models.choose_alphas()
        judged = models.judge(alphas)
        scored = join_scored([each.scored for each in judged.values()])
        predictions, mixture = calibrated_predictions(scored, tables)
        evidence = dict(zip(EVIDENCE, mixture.weights, strict=True))
        checkpoint = models.checkpoint(
            judged,
            alphas.overall,
            {
                "model": at_commits(parameters).model_dump(mode="json"),
                "training": training["key"],
                "evidence": evidence,
                "contract": tables.training_contract,
                "class_names": list(tables.class_names),
            },
        )
    metrics = {
        **trained_metrics(scored, predictions, tables, training, measurement),
        "wise_ft_alpha": alphas.overall,
        "evidence": evidence,
    }
    return predictions, checkpoint, metrics


def predict_zero_shot(
    parameters: ClipParameters, tables: TrainingTables
) -> tuple[Predictions, Checkpoint, dict[str, Any], pd.DataFrame]:
    """Score every photo by the names of the classes alone, with the starting weights.

    Nothing is learned from photos but the temperature, which is fitted out of fold.

    Args:
        parameters: The model and the views of a photo.
        tables: The photos.

    Returns:
        The predictions, the same for every fold's rows of a photo; the one model's checkpoint,
        which holds no weights besides the starting ones; the metrics; and `photo_id`
        with `car_likeness`, the probability that the photo shows a car from outside.
    """
    with measure() as measurement:
        model = build_clip_classifier(parameters, class_prompts(tables.classes))
        model = model.eval().to(best_device())
        folds = sorted(set(tables.folds["fold"]) - {CALIBRATION})
        rows = [tables.rows_of_fold(fold) for fold in folds]
        photo_ids = list(dict.fromkeys(photo for part in rows for photo in part["photo_id"]))
        embedded = embed_photos(model, photo_ids, parameters, tables, "zero-shot")
        scores = scored_by_names(model, embedded)
        likeness = car_likeness(embedded.mean(1).numpy(), model)
        position = {photo: place for place, photo in enumerate(photo_ids)}
        scored = join_scored(
            [
                Scored(part, (scores[[position[photo] for photo in part["photo_id"]]],))
                for part in rows
            ]
        )
        predictions, mixture = calibrated_predictions(scored, tables)
        checkpoint = _zero_shot_checkpoint(model, folds, mixture.temperature, parameters, tables)
    free = {"seconds": 0.0, "peak_memory_mb": 0.0}
    metrics = trained_metrics(scored, predictions, tables, free, measurement)
    return (
        predictions,
        checkpoint,
        metrics,
        pd.DataFrame({"photo_id": photo_ids, "car_likeness": likeness}),
    )


def _zero_shot_checkpoint(
    model: ClipClassifier,
    folds: list[int],
    temperature: float,
    parameters: ClipParameters,
    tables: TrainingTables,
) -> Checkpoint:
    views = log_probability_views(model, parameters)
    proof = proof_photos(tables, views.preparation)
    configuration = {
        "model": at_commits(parameters).model_dump(mode="json"),
        "temperature": temperature,
        "contract": tables.training_contract,
        "class_names": list(tables.class_names),
    }
    weights: dict[int, Weights] = {fold: {} for fold in folds}
    scores = {fold: views.encode_exactly(proof.views) for fold in folds}
    return trained_checkpoint(weights, proof, scores, configuration)
