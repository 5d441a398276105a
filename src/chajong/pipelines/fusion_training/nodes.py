"""Nodes of fusion_training: photos to trained fold models, fold models to predictions.

The plain classifier and the one that knows names go the same way; Kedro finds the type of a node's
parameters by its annotation, so each has thin functions of its own.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from chajong.members.backbone.parameters import BackboneParameters
from chajong.members.checkpoint import Checkpoint
from chajong.photos.store import PhotoStore
from chajong.pipelines.fusion_training.params import (
    BackboneMemberParameters,
    FusionMemberParameters,
)
from chajong.predictions.contract import Predictions
from chajong.training.parameters import TrainingParameters

Report = dict[str, Any]
FoldWeights = dict[int, dict[str, Any]]
Trained = tuple[FoldWeights, pd.DataFrame, Report]
Predicted = tuple[Predictions, Checkpoint, Report]


def check_backbone(parameters: BackboneMemberParameters) -> Report:
    """See that the plain classifier can be built and trained here; see `_check`."""
    return _check(parameters.model, parameters.training)


def check_fusion(classes: pd.DataFrame, parameters: FusionMemberParameters) -> Report:
    """See that the classifier that knows names can be built and trained here; see `_check`.

    Raises:
        OSError: The model that embeds names cannot be loaded.
        ValueError: It does not read the names of the classes.
    """
    from chajong.encoders.published import name_model_source
    from chajong.members.backbone.names import name_targets

    source = name_model_source(parameters.model)
    name_targets(classes, source, language=parameters.model.name_language)
    return _check(parameters.model, parameters.training)


def _check(model: BackboneParameters, training: TrainingParameters) -> Report:
    """Build the model once, so that a wrong name or file stops the run before long work starts.

    Args:
        model: The backbone.
        training: How it is trained.

    Returns:
        What the model's training depends on, and the height and width of its input in pixels.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
        TrainingError: A GPU is asked for and there is none.
    """
    from chajong.members.backbone.backbone import build_backbone
    from chajong.members.backbone.member import model_identity
    from chajong.training.engine import check_device

    check_device(training)
    built = build_backbone(model, class_count=2)
    return {"identity": model_identity(model), "image_size": built.image_size}


def draw_backbone_photos(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: BackboneMemberParameters,
) -> Any:
    """Draw what the plain classifier sees in training; see `draw_contact_sheet`."""
    from chajong.members.trained.sheet import draw_contact_sheet

    return draw_contact_sheet(photos, photo_store, parameters.training, model["image_size"])


def draw_fusion_photos(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: FusionMemberParameters,
) -> Any:
    """Draw what the classifier that knows names sees in training; see `draw_contact_sheet`."""
    from chajong.members.trained.sheet import draw_contact_sheet

    return draw_contact_sheet(photos, photo_store, parameters.training, model["image_size"])


def train_backbone(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    scratch: Path,
    parameters: BackboneMemberParameters,
) -> Trained:
    """Train the plain classifier of every fold.

    Args:
        model: From `check_backbone`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        scratch: Where interrupted and finished trainings are kept.
        parameters: Which backbone, and how it is trained.

    Returns:
        Weights by fold, the history of the loss, and what the training cost.

    Raises:
        TrainingError: The training cannot start or go on.
    """
    from chajong.members.backbone.member import backbone_builder
    from chajong.members.trained.member import train_member
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    build = backbone_builder(parameters.model, tables)
    return train_member(build, model["identity"], parameters.training, tables, scratch, "backbone")


def train_fusion(
    model: Report,
    backbone: Checkpoint | None,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    scratch: Path,
    parameters: FusionMemberParameters,
) -> Trained:
    """Train the classifier that knows names of every fold.

    Args:
        model: From `check_fusion`.
        backbone: The plain classifiers, None where they were never trained.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        scratch: Where interrupted and finished trainings are kept.
        parameters: Which backbone, where names enter, and how it is trained.

    Returns:
        Weights by fold, the history of the loss, and what the training cost.

    Raises:
        CheckpointError: Training is to start from the plain classifiers and one is missing, or
            they were trained for other classes or folds.
        TrainingError: The training cannot start or go on.
    """
    from chajong.members.backbone.member import fusion_builder, starting_identity
    from chajong.members.trained.member import train_member
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    build = fusion_builder(parameters.model, tables, backbone)
    identity = model["identity"] | starting_identity(parameters.model, backbone)
    return train_member(build, identity, parameters.training, tables, scratch, "fusion")


def chart_training(history: pd.DataFrame, parameters: BackboneMemberParameters) -> Any:
    """Draw how the plain classifier's loss fell."""
    from chajong.training.curves import loss_curves

    return loss_curves(history)


def chart_fusion_training(history: pd.DataFrame, parameters: FusionMemberParameters) -> Any:
    """Draw how the loss of the classifier that knows names fell."""
    from chajong.training.curves import loss_curves

    return loss_curves(history)


def predict_backbone(
    fold_weights: FoldWeights,
    training: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: BackboneMemberParameters,
) -> Predicted:
    """Predict with the plain classifiers.

    Args:
        fold_weights: Weights by fold.
        training: What the training cost and was kept under.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: The views of a photo.

    Returns:
        The predictions, the fold models' checkpoint, and the metrics.
    """
    from chajong.members.backbone.member import backbone_builder, predict_folds
    from chajong.members.cards.carded import with_card
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    build = backbone_builder(parameters.model, tables)
    predictions, checkpoint, metrics = predict_folds(
        build, fold_weights, training, parameters.model, tables
    )
    carded = with_card(checkpoint, parameters.model.model, metrics, photos, classes, folds)
    return predictions, carded, metrics


def predict_fusion(
    fold_weights: FoldWeights,
    training: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: FusionMemberParameters,
) -> Predicted:
    """Predict with the classifiers that know names; arguments as for `predict_backbone`."""
    from chajong.members.backbone.member import fusion_builder, predict_folds
    from chajong.members.cards.carded import with_card
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    # The weights hold all that training changed, wherever it started.
    model = parameters.model.model_copy(update={"start": "weights"})
    build = fusion_builder(model, tables, backbone=None)
    predictions, checkpoint, metrics = predict_folds(
        build, fold_weights, training, parameters.model, tables
    )
    carded = with_card(checkpoint, parameters.model.model, metrics, photos, classes, folds)
    return predictions, carded, metrics
