"""From features to a member: heads searched out of fold, predictions in the contract's form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.device import best_device
from chajong.encoders.published import name_model_source, pinned_names
from chajong.members.heads.checkpoint import heads_checkpoint
from chajong.members.heads.search import HeadSearch, search_heads
from chajong.names.embedding import embed_names
from chajong.photos.table import readable_photos
from chajong.predictions.contract import (
    Predictions,
    contract_hash,
    effective_class_names,
)
from chajong.predictions.measurement import measure
from chajong.predictions.scoring import out_of_fold_metrics, train_labels

if TYPE_CHECKING:
    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.heads.parameters import HeadsParameters
    from chajong.members.trained.tables import TrainingTables


@dataclass(frozen=True, eq=False)
class FittedHeads:
    """A member made of features and light heads.

    Attributes:
        predictions: The predictions.
        checkpoint: The fold models.
        candidates: Every head that was tried, with its figures.
        metrics: The out-of-fold figures and the costs.
    """

    predictions: Predictions
    checkpoint: Checkpoint
    candidates: pd.DataFrame
    metrics: dict[str, Any]


def fit_heads(
    features: Features,
    extraction: dict[str, Any],
    tables: TrainingTables,
    parameters: HeadsParameters,
    made_by: dict[str, Any],
) -> FittedHeads:
    """Search the heads of a member, predict with the chosen ones, and score them.

    Args:
        features: Features of every readable photo.
        extraction: What the features cost.
        tables: The tables.
        parameters: Which heads are tried.
        made_by: How the features are made; see `heads_checkpoint`.
    """
    photos, classes, folds = tables.photos, tables.classes, tables.folds
    with measure() as fitting:
        search = search_member_heads(features, photos, classes, folds, parameters)
    with measure() as predicting:
        predictions = predict_member(search, features, photos, classes, folds)
    prediction_seconds = extraction["seconds"] + predicting.seconds
    metrics = {
        **out_of_fold_metrics(predictions, photos, classes),
        "seconds": fitting.seconds + prediction_seconds,
        "training_seconds": fitting.seconds,
        "prediction_seconds": prediction_seconds,
        "photos_per_second": extraction.get("photos_per_second"),
        "peak_memory_mb": max(
            extraction.get("peak_memory_mb", 0.0),
            fitting.peak_memory_mb,
            predicting.peak_memory_mb,
        ),
    }
    made_by = made_by | pinned_names(parameters)
    checkpoint = heads_checkpoint(search, features, predictions.class_names, made_by)
    return FittedHeads(predictions, checkpoint, search.candidates, metrics)


def search_member_heads(
    features: Features,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: HeadsParameters,
) -> HeadSearch:
    """Search the heads of one member on the readable train photos.

    Args:
        features: Features of every readable photo.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: Which heads are tried.

    Returns:
        The heads that were chosen, and their out-of-fold log-probabilities in the order of
        `folds`.
    """
    import torch

    class_names = effective_class_names(classes)
    labels = train_labels(photos, classes).loc[folds["photo_id"]]
    return search_heads(
        features=torch.from_numpy(features.rows(folds["photo_id"])),
        labels=torch.from_numpy(labels.to_numpy().astype(np.int64)),
        folds=folds["fold"].to_numpy(),
        label_counts=folds["label_counts"].to_numpy(),
        class_count=len(class_names),
        name_embeddings=torch.from_numpy(
            embed_names(
                class_names,
                name_model_source(parameters),
                str(best_device()),
                parameters.name_language,
            )
        ),
        parameters=parameters,
        device=best_device(),
    )


def predict_member(
    search: HeadSearch,
    features: Features,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> Predictions:
    """Lay out a member's predictions by the contract.

    Args:
        search: The heads.
        features: Features of every readable photo.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        Train rows out of fold; rows of the calibration slice and of the test photos once for
        each fold's head.
    """
    import torch

    trained = (folds["fold"] >= 0).to_numpy()
    test = readable_photos(photos, "test")[["photo_id"]].assign(label_counts=False)
    parts = [(folds[trained].assign(split="train"), search.out_of_fold[trained])]
    for split, table in (("calibration", folds[~trained]), ("test", test)):
        matrix = torch.from_numpy(features.rows(table["photo_id"]))
        for fold, model in enumerate(search.fold_models):
            scored = model.log_probabilities(matrix)
            parts.append((table.assign(split=split, fold=fold), scored))
    rows = pd.concat([table for table, _ in parts], ignore_index=True)
    return Predictions(
        rows=rows[["photo_id", "split", "fold", "label_counts"]].astype({"label_counts": bool}),
        log_probabilities=np.concatenate([scored for _, scored in parts]),
        class_names=effective_class_names(classes),
        contract=contract_hash(classes, folds, photos),
    )
