"""The members of trained backbones: fold models built, scored and kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from chajong.device import best_device
from chajong.encoders.published import (
    at_commit,
    name_model_identity,
    pinned,
    pinned_names,
    weights_identity,
)
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion, start_from_backbone
from chajong.members.backbone.names import fusion_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.checkpoint import CheckpointError, check_class_names
from chajong.members.trained.checkpoint import (
    proof_photos,
    restore_fold_model,
    restore_fold_models,
    trained_checkpoint,
)
from chajong.members.trained.member import (
    Scored,
    calibrated_predictions,
    join_scored,
    score_rows,
    trained_metrics,
)
from chajong.members.trained.views import log_probability_views
from chajong.predictions.contract import effective_class_names
from chajong.predictions.measurement import measure
from chajong.training.engine import check_device
from chajong.training.memory import release_memory
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    import torch

    from chajong.members.backbone.names import NameTargets
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.trained.checkpoint import Proof
    from chajong.members.trained.kind import Builder
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights
    from chajong.training.parameters import TrainingParameters

NOT_IN_KEY = {"weights", "revision", "name_revision", "flip", "zoom", "prediction_batch_size"}
"""Settings of prediction, which training does not depend on; weights go in by content."""


def model_identity(parameters: BackboneParameters) -> dict[str, Any]:
    """Say which model starts from which weights, as JSON values."""
    return {
        **parameters.model_dump(mode="json", exclude=NOT_IN_KEY),
        "weights": weights_identity(parameters),
        **_names_in_key(parameters),
    }


def _names_in_key(parameters: BackboneParameters) -> dict[str, str]:
    if not isinstance(parameters, FusionParameters):
        return {}
    return {"name_model": name_model_identity(parameters)}


def check_backbone(model: BackboneParameters, training: TrainingParameters) -> dict[str, Any]:
    """Build the model once, so that a wrong name or file stops the run before long work starts.

    Args:
        model: The backbone, with or without names.
        training: How it is trained.

    Returns:
        What the model's training depends on, and the height and width of its input in pixels.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
        TrainingError: A GPU is asked for and there is none.
    """
    check_device(training)
    built = build_backbone(model, class_count=2)
    return {"identity": model_identity(model), "image_size": built.image_size}


def written_settings(parameters: BackboneParameters) -> dict[str, Any]:
    """Give settings as a checkpoint keeps them: with commits for what came from the hub."""
    names = pinned_names(parameters) if isinstance(parameters, FusionParameters) else {}
    return pinned(parameters) | names


def backbone_builder(parameters: BackboneParameters, tables: TrainingTables) -> Builder:
    """Say how the plain classifier of a fold is made: the same for every fold."""
    build = partial(build_backbone, at_commit(parameters), len(tables.class_names))
    return lambda fold: build


def fusion_builder(
    parameters: FusionParameters, tables: TrainingTables, start: Checkpoint | None = None
) -> Builder:
    """Say how the classifier that knows names is made for a fold.

    Args:
        parameters: Which backbone, and where names enter.
        tables: The classes.
        start: A backbone member's fold models, where training starts from them.

    Returns:
        From a fold to what makes its model.
    """
    names = fusion_targets(tables.classes, parameters)
    settings = at_commit(parameters)
    if start is None:
        build = partial(build_fusion, settings, names)
        return lambda fold: build
    backbone_of = trained_backbones(start, tables)
    return lambda fold: partial(_build_from_backbone, settings, names, backbone_of(fold))


def trained_backbones(checkpoint: Checkpoint, tables: TrainingTables) -> Callable[[int], Weights]:
    """Say how the plain classifier of a fold is built from a checkpoint.

    Args:
        checkpoint: Of a backbone member.
        tables: The classes and folds of this run.

    Returns:
        From a fold to the whole `state_dict` of its model. It raises a CheckpointError where there
        is none, or where it does not reproduce the scores that were saved with it.

    Raises:
        CheckpointError: The models were trained for other classes, photos or folds.
    """
    check_class_names(checkpoint, tables.class_names)
    if checkpoint.configuration["contract"] != tables.training_contract:
        message = (
            "The models that training is to start from were trained with other photos, labels or "
            "folds, some of them on the photos that their successors would be scored on: run the "
            "member that `start` names again."
        )
        raise CheckpointError(message)
    parameters = BackboneParameters(**checkpoint.configuration["model"])
    builder = backbone_builder(parameters, tables)

    def state_of(fold: int) -> Weights:
        if fold not in checkpoint.configuration["folds"]:
            message = (
                f"Training is to start from the model of fold {fold} of the member that `start` "
                "names, and there is none: train that fold of it, too (`training.folds`)."
            )
            raise CheckpointError(message)
        model = restore_fold_model(
            checkpoint,
            fold,
            lambda fold: builder(fold)(),
            lambda model: log_probability_views(model, parameters),
        )
        return model.cpu().state_dict()

    return state_of


def restored_models(
    checkpoint: Checkpoint, classes: pd.DataFrame
) -> tuple[BackboneParameters, dict[int, torch.nn.Module]]:
    """Build the fold models of a checkpoint, and see that they score as they did.

    Args:
        checkpoint: Of a backbone, or of its fusion with names.
        classes: The `classes` table.

    Returns:
        The settings, and models by fold.

    Raises:
        CheckpointError: It is of other classes, or a model does not reproduce its scores.
    """
    configuration = checkpoint.configuration["model"]
    class_names = effective_class_names(classes)
    parameters: BackboneParameters
    if "name_model" in configuration:
        parameters = fusion = FusionParameters(**configuration)
        build: Callable[[], torch.nn.Module] = partial(
            build_fusion, fusion, fusion_targets(classes, fusion)
        )
    else:
        parameters = BackboneParameters(**configuration)
        build = partial(build_backbone, parameters, len(class_names))
    models = restore_fold_models(
        checkpoint,
        lambda _: build(),
        lambda model: log_probability_views(model, parameters),
        class_names,
    )
    return parameters, models


def _build_from_backbone(
    parameters: FusionParameters, names: NameTargets, backbone: Weights
) -> torch.nn.Module:
    fusion = build_fusion(parameters, names)
    start_from_backbone(fusion, backbone)
    return fusion


def predict_folds(
    build: Builder,
    weights: dict[int, Weights],
    training: dict[str, Any],
    parameters: BackboneParameters,
    tables: TrainingTables,
) -> tuple[Predictions, Checkpoint, dict[str, Any]]:
    """Let every fold's model score the photos that it did not train on.

    Args:
        build: From a fold to what makes its model.
        weights: Trained weights by fold.
        training: What the training cost and was kept under.
        parameters: The views of a photo.
        tables: The photos.

    Returns:
        The predictions, the models as a checkpoint, and the metrics.
    """
    scored: list[Scored] = []
    proofs: dict[int, np.ndarray] = {}
    with measure() as measurement:
        for fold, trained in weights.items():
            part, proof, proofs[fold] = _score_fold(build(fold), fold, trained, parameters, tables)
            scored.append(part)
            release_memory()
        joined = join_scored(scored)
        predictions, mixture = calibrated_predictions(joined, tables)
    metrics = trained_metrics(joined, predictions, tables, training, measurement)
    configuration = {
        "model": written_settings(parameters),
        "training": training["key"],
        "temperature": mixture.temperature,
        "contract": tables.training_contract,
        "class_names": list(tables.class_names),
    }
    return predictions, trained_checkpoint(weights, proof, proofs, configuration), metrics


def _score_fold(
    build: Callable[[], torch.nn.Module],
    fold: int,
    weights: Weights,
    parameters: BackboneParameters,
    tables: TrainingTables,
) -> tuple[Scored, Proof, np.ndarray]:
    """Score a fold's photos and the proof photos with its model, which is let go on return."""
    model = build()
    load_trained_weights(model, weights)
    views = log_probability_views(model.eval().to(best_device()), parameters)
    proof = proof_photos(tables, views.preparation)
    scored = score_rows(fold, views, tables, parameters.model)
    return scored, proof, views.encode_exactly(proof.views)
