"""Nodes of vlm_finetune: hints and photos to adapters, adapters to predictions and exports."""

from pathlib import Path
from typing import Any

import pandas as pd

from chajong.datasets import Skipped
from chajong.members.checkpoint import Checkpoint
from chajong.members.vlm.hints import Hints, NoHints
from chajong.photos.store import PhotoStore
from chajong.pipelines.vlm_finetune.params import VlmMemberParameters
from chajong.predictions.contract import Predictions

Report = dict[str, Any]
FoldWeights = dict[int, dict[str, Any]]

EXAMPLES = 20
"""Questions that are written down for people to read."""


def check_vlm(parameters: VlmMemberParameters) -> Report:
    """See that the model can be loaded and trained here, before any of its weights is read.

    Args:
        parameters: Which model, and how it is trained.

    Returns:
        The height and width of its photos in pixels.

    Raises:
        EncoderError: The model is unknown, its files are absent, its photos exceed the pixel
            budget, or bitsandbytes is not installed.
        TrainingError: A GPU is asked for and there is none.
    """
    from chajong.members.vlm.base_model import check_base
    from chajong.training.engine import check_device

    if parameters.training is not None:
        check_device(parameters.training)
    return {"image_size": check_base(parameters.model)}


def choose_hints(
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    external: dict[str, pd.DataFrame],
    parameters: VlmMemberParameters,
    **members: Predictions | None,
) -> Hints | NoHints:
    """Take another member's predictions as hints, once they are known to be out of fold.

    Args:
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        external: Probability tables of others, by file name.
        parameters: Which member.
        members: Each member's predictions, None where there are none.

    Returns:
        The hints, `NoHints` where no member is named.

    Raises:
        HintError: The member has no predictions, lacks photos, or knew the labels.
        ExternalMemberError: The member is a table of others that cannot be read, or a table has a
            name that is taken.
    """
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.hints import check_hints
    from chajong.predictions.collection import tables_by_member
    from chajong.predictions.external import read_external_member

    member = parameters.model.hints.member
    if member is None:
        return NoHints()
    tables = TrainingTables(photos, classes, folds, photo_store)
    files = tables_by_member(external)
    known = {name for name, found in members.items() if found} | set(files)
    predictions = (
        read_external_member(external[files[member]], classes, folds, photos, files[member])
        if member in files
        else members.get(member)
    )
    return check_hints(member, predictions, known, tables)


def draw_training_photos(
    model: Report,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: VlmMemberParameters,
) -> Any:
    """Draw what the model sees in training; see `draw_contact_sheet`. Nothing without training."""
    from chajong.members.trained.sheet import draw_contact_sheet

    if parameters.training is None:
        return Skipped()
    return draw_contact_sheet(photos, photo_store, parameters.training, model["image_size"])


def write_example_questions(
    hints: Hints | NoHints,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: VlmMemberParameters,
) -> pd.DataFrame:
    """Write down what the model is asked in training; see `example_questions`."""
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.member import example_questions

    tables = TrainingTables(photos, classes, folds, photo_store)
    return example_questions(parameters.model, _given(hints), tables, EXAMPLES)


def train_vlm(
    model: Report,
    hints: Hints | NoHints,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    scratch: Path,
    parameters: VlmMemberParameters,
) -> tuple[FoldWeights, pd.DataFrame, Report]:
    """Train the adapters of every fold.

    Args:
        model: From `check_vlm`, which has to come first.
        hints: From `choose_hints`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        scratch: Where interrupted and finished trainings are kept.
        parameters: Which model, what it is asked, and how it is trained.

    Returns:
        Weights by fold, the history of the loss, and what the training cost.

    Raises:
        TrainingError: The training cannot start or go on.
    """
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.member import train_folds

    tables = TrainingTables(photos, classes, folds, photo_store)
    return train_folds(parameters.model, parameters.training, _given(hints), tables, scratch)


def chart_training(history: pd.DataFrame, parameters: VlmMemberParameters) -> Any:
    """Draw how the loss fell; nothing without training."""
    from chajong.training.curves import loss_curves

    return Skipped() if history.empty else loss_curves(history)


def predict_vlm(
    fold_weights: FoldWeights,
    training: Report,
    hints: Hints | NoHints,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: VlmMemberParameters,
) -> tuple[Predictions, Checkpoint, Report]:
    """Ask about photos, and merge the answers with the hinting member's predictions.

    Args:
        fold_weights: Weights by fold.
        training: What the training cost and was kept under.
        hints: From `choose_hints`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: Which photos are asked about, and what is asked.

    Returns:
        The predictions, the adapters' checkpoint, and the metrics.
    """
    from chajong.members.cards.carded import with_card
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.member import predict_folds

    tables = TrainingTables(photos, classes, folds, photo_store)
    predictions, checkpoint, metrics = predict_folds(
        fold_weights, training, _given(hints), parameters.model, tables
    )
    carded = with_card(checkpoint, parameters.model.model, metrics, photos, classes, folds)
    return predictions, carded, metrics


def export_vlm(checkpoint: Checkpoint, metrics: Report, parameters: VlmMemberParameters) -> Any:
    """Plan the export of trained adapters; nothing without training.

    Args:
        checkpoint: From `predict_vlm`.
        metrics: From `predict_vlm`, for the model cards.
        parameters: Which folds are also merged.

    Returns:
        The plan; saving it checks each fold's model and writes its folder.
    """
    from chajong.members.vlm.export import AdapterExport

    if parameters.training is None:
        return Skipped()
    return AdapterExport(checkpoint, metrics, parameters.export.merged_folds)


def push_vlm(adapters: Path, parameters: VlmMemberParameters) -> Any:
    """Upload exported adapters; nothing without training or without a repository to push to.

    Args:
        adapters: The folder that `export_vlm` left.
        parameters: The hub repository.

    Returns:
        The repository and its address.

    Raises:
        CheckpointError: The hub refuses, or cannot be reached.
    """
    from chajong.members.vlm.export import push_adapters

    repository = parameters.export.push_to
    if repository is None or parameters.training is None:
        return Skipped()
    return {"repository": repository, "address": push_adapters(adapters, repository)}


def _given(hints: Hints | NoHints) -> Hints | None:
    return hints if isinstance(hints, Hints) else None
