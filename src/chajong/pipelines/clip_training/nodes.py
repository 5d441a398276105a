"""Nodes of clip_training: photos and names to trained fold models, fold models to predictions."""

from pathlib import Path
from typing import Any

import pandas as pd

from chajong.members.checkpoint import Checkpoint
from chajong.photos.store import PhotoStore
from chajong.pipelines.clip_training.params import ClipMemberParameters, ZeroShotParameters
from chajong.predictions.contract import Predictions

Report = dict[str, Any]
FoldWeights = dict[int, dict[str, Any]]


def check_clip(classes: pd.DataFrame, parameters: ClipMemberParameters) -> Report:
    """Build the model once, so that a wrong name or file stops the run before long work starts.

    Args:
        classes: The `classes` table, whose sentences must not be too long for the model.
        parameters: Which model, and how it is trained.

    Returns:
        What the model's training depends on, and the height and width of its input in pixels.

    Raises:
        EncoderError: The model is unknown, its weights are absent or do not fit, or a sentence is
            longer than it reads.
        TrainingError: A GPU is asked for and there is none.
    """
    from chajong.members.clip.classifier import build_clip_classifier
    from chajong.members.clip.member import model_identity
    from chajong.members.clip.prompts import class_prompts
    from chajong.training.engine import check_device

    check_device(parameters.training)
    built = build_clip_classifier(parameters.model, class_prompts(classes))
    return {
        "identity": model_identity(parameters.model, classes),
        "image_size": built.image_size,
    }


def check_zero_shot(classes: pd.DataFrame, parameters: ZeroShotParameters) -> str:
    """Build the model once, so that a wrong name or file stops the run before long work starts.

    Args:
        classes: The `classes` table, whose sentences must not be too long for the model.
        parameters: Which model.

    Returns:
        The model's name.

    Raises:
        EncoderError: The model is unknown, its weights are absent or do not fit, or a sentence is
            longer than it reads.
    """
    from chajong.members.clip.classifier import build_clip_classifier
    from chajong.members.clip.prompts import class_prompts

    build_clip_classifier(parameters.model, class_prompts(classes))
    return parameters.model.model


def draw_training_photos(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: ClipMemberParameters,
) -> Any:
    """Draw what the model sees in training; see `draw_contact_sheet`."""
    from chajong.members.trained.sheet import draw_contact_sheet

    return draw_contact_sheet(photos, photo_store, parameters.training, model["image_size"])


def train_clip(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    scratch: Path,
    parameters: ClipMemberParameters,
) -> tuple[FoldWeights, pd.DataFrame, Report]:
    """Train the model of every fold.

    Args:
        model: From `check_clip`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        scratch: Where interrupted and finished trainings are kept.
        parameters: Which model, and how it is trained.

    Returns:
        Weights by fold, the history of the loss, and what the training cost.

    Raises:
        TrainingError: The training cannot start or go on.
    """
    from chajong.members.clip.member import clip_builder
    from chajong.members.trained.member import train_member
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    build = clip_builder(parameters.model, tables)
    return train_member(build, model["identity"], parameters.training, tables, scratch, "clip")


def chart_training(history: pd.DataFrame, parameters: ClipMemberParameters) -> Any:
    """Draw how the loss fell."""
    from chajong.training.curves import loss_curves

    return loss_curves(history)


def predict_clip(
    fold_weights: FoldWeights,
    training: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: ClipMemberParameters,
) -> tuple[Predictions, Checkpoint, Report]:
    """Predict by names, photo prototypes and neighbours.

    Args:
        fold_weights: Weights by fold.
        training: What the training cost and was kept under.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: The views of a photo, and the shares of the trained weights that are tried.

    Returns:
        The predictions, the fold models' checkpoint, and the metrics.
    """
    from chajong.members.cards.carded import with_card
    from chajong.members.clip.member import predict_folds
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    predictions, checkpoint, metrics = predict_folds(
        fold_weights, training, parameters.model, tables
    )
    carded = with_card(checkpoint, parameters.model.model, metrics, photos, classes, folds)
    return predictions, carded, metrics


def predict_zero_shot(
    model: str,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: ZeroShotParameters,
) -> tuple[Predictions, Checkpoint, Report, pd.DataFrame]:
    """Predict by names alone, with a model that has not seen these photos.

    Args:
        model: From `check_zero_shot`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: Which model.

    Returns:
        The predictions, the checkpoint, the metrics, and how likely each photo shows a car from
        outside.
    """
    from chajong.members.cards.carded import with_card
    from chajong.members.clip.member import predict_zero_shot as predict
    from chajong.members.trained.tables import TrainingTables

    tables = TrainingTables(photos, classes, folds, photo_store)
    predictions, checkpoint, metrics, likeness = predict(parameters.model, tables)
    title = f"{parameters.model.model}, by the names alone"
    carded = with_card(checkpoint, title, metrics, photos, classes, folds)
    return predictions, carded, metrics, likeness
