"""From fold models' scores to a member's predictions: mixed, calibrated, by the contract."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from chajong.encoders.extraction import encode_all
from chajong.engine import HERE, side_by_side, spread
from chajong.members.trained.identity import training_key
from chajong.predictions.contract import Predictions, normalise_log
from chajong.predictions.cross_fitting import cross_fit, cross_fitting_parts
from chajong.predictions.measurement import measure
from chajong.predictions.mixture import fit_mixture
from chajong.predictions.scoring import out_of_fold_metrics
from chajong.training.fold_training import is_finished, train_folds, training_history

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch

    from chajong.encoders.views import ViewAverage
    from chajong.engine import Engine
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.cross_fitting import CrossFitted
    from chajong.predictions.measurement import Measurement
    from chajong.predictions.mixture import Mixture
    from chajong.training.moving_average import Weights
    from chajong.training.parameters import TrainingParameters
    from chajong.training.questions import PhotoQuestions

T = TypeVar("T")
Share = TypeVar("Share")
Result = TypeVar("Result")

KEPT = 2
"""Finished trainings of a member that are kept, each of other settings or photos."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What fold models say about photos that they did not train on.

    Attributes:
        rows: `photo_id`, `split`, `fold` and `label_counts` of each row, as in `Predictions`.
        evidence: One array [rows, classes] for each kind of score; a single one where the model
            has a single answer.
    """

    rows: pd.DataFrame
    evidence: tuple[np.ndarray, ...]

    @property
    def out_of_fold(self) -> np.ndarray:
        """Which rows are those of train photos, bool [rows]."""
        chosen: np.ndarray = (self.rows["split"] == "train").to_numpy()
        return chosen

    def take(self, rows: np.ndarray) -> Scored:
        """Return some rows (integers or a mask), in that order."""
        table = self.rows.iloc[np.arange(len(self.rows))[rows]].reset_index(drop=True)
        return Scored(table, tuple(kind[rows] for kind in self.evidence))


def train_member(
    build: Callable[[int], Callable[[], torch.nn.Module]],
    identity: dict[str, Any],
    parameters: TrainingParameters,
    tables: TrainingTables,
    scratch: Path,
    title: str,
    questions: PhotoQuestions | None = None,
    engine: Engine = HERE,
) -> tuple[dict[int, Weights], pd.DataFrame, dict[str, Any]]:
    """Train the model of every fold, or take it from where an earlier run left it.

    Args:
        build: From a fold to what makes its model with its starting weights.
        identity: JSON values that say which model starts from which weights.
        parameters: How it is trained.
        tables: The photos.
        scratch: Where interrupted and finished trainings are kept.
        title: What progress bars call the model.
        questions: What the model is asked about the photos; the identity says so too.
        engine: Where it is trained.

    Returns:
        Weights by fold; the history of the loss; and a report: the `key` that the training is kept
        under, `seconds`, and `peak_memory_mb` of this run.

    Raises:
        TrainingError: The training cannot start or go on.
    """
    key = training_key(identity, parameters, tables)
    photos = replace(tables.train_photos(), questions=questions)
    with measure() as measurement:
        trained = train_folds(build, photos, tables.folds, parameters, scratch / key, title, engine)
    forget_trainings(scratch, key)
    report = {
        "key": key,
        "seconds": sum(model.seconds for model in trained.values()),
        "peak_memory_mb": measurement.peak_memory_mb,
    }
    weights = {fold: model.weights for fold, model in trained.items()}
    return weights, training_history(trained), report


def forget_trainings(scratch: Path, key: str) -> None:
    """Remove the finished trainings of earlier settings but the latest, which one may go back to.

    Args:
        scratch: Where trainings are kept, in a folder a key; those that were interrupted stay, and
            so does whatever else is there.
        key: The training that has just been taken.
    """
    os.utime(scratch / key)
    finished = [folder for folder in scratch.iterdir() if is_finished(folder)]
    for folder in sorted(finished, key=lambda folder: -folder.stat().st_mtime_ns)[KEPT:]:
        shutil.rmtree(folder)


def over_folds(
    engine: Engine,
    make: Callable[[], Callable[[Share], Result]],
    shares: dict[int, Share],
    tables: TrainingTables,
    title: str,
) -> dict[int, Result]:
    """Ask the models of several folds, side by side where there is room.

    Args:
        engine: Where they compute.
        make: Makes what asks a fold's model; see `chajong.engine.spread`.
        shares: By fold, what it takes.
        tables: The photos.
        title: What the progress bar calls the models.

    Returns:
        By fold, what it gave.
    """
    folds, results = list(shares), {}
    photos = [len(tables.rows_of_fold(fold)) for fold in folds]
    alone = not side_by_side(engine, len(shares))  # there are bars of each fold's photos
    with tqdm(total=sum(photos), desc=title, unit=" photos", disable=alone) as bar:
        for place, result in spread(engine, make, shares.values()):
            results[folds[place]] = result
            bar.update(photos[place])
    return {fold: results[fold] for fold in folds}


def score_rows(fold: int, views: ViewAverage, tables: TrainingTables, title: str) -> Scored:
    """Ask a fold's model about the photos that it did not train on.

    Args:
        fold: The fold.
        views: Gives log-probabilities.
        tables: The photos.
        title: What the progress bar calls the model.

    Returns:
        The rows, with one kind of evidence.
    """
    rows = tables.rows_of_fold(fold)
    contents = tables.contents_of(rows["photo_id"])
    scores = encode_all(contents, tables.store, views, f"{title}, scoring fold {fold}")
    return Scored(rows, (scores,))


def trained_metrics(
    scored: Scored,
    predictions: Predictions,
    tables: TrainingTables,
    training: dict[str, Any],
    prediction: Measurement,
) -> dict[str, Any]:
    """Score a member out of fold, and say what it cost.

    Args:
        scored: The rows before mixing and temperature; the first kind of evidence is reported.
        predictions: The rows after it.
        tables: The photos.
        training: From `train_member`.
        prediction: What the prediction took.

    Returns:
        The figures of `out_of_fold_metrics`, `uncalibrated_log_loss`, and the costs.
    """
    before = Predictions(
        scored.rows, normalise_log(scored.evidence[0]), predictions.class_names, tables.contract
    )
    uncalibrated = out_of_fold_metrics(before, tables.photos, tables.classes)["log_loss"]
    return {
        **out_of_fold_metrics(predictions, tables.photos, tables.classes),
        "uncalibrated_log_loss": uncalibrated,
        "folds": sorted(set(scored.rows["fold"].tolist())),
        "seconds": training["seconds"] + prediction.seconds,
        "training_seconds": training["seconds"],
        "prediction_seconds": prediction.seconds,
        "photos_per_second": len(scored.rows) / prediction.seconds,
        "peak_memory_mb": max(training["peak_memory_mb"], prediction.peak_memory_mb),
    }


def join_scored(parts: Sequence[Scored]) -> Scored:
    """Set the rows of several fold models under one another."""
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    kinds = zip(*(part.evidence for part in parts), strict=True)
    return Scored(rows, tuple(np.concatenate(kind) for kind in kinds))


def calibrated_predictions(scored: Scored, tables: TrainingTables) -> tuple[Predictions, Mixture]:
    """Mix the kinds of evidence with the weights and temperature that fit.

    They are cross-fitted: a fold's rows use those of the other folds, rows of the calibration slice
    and of the test photos those of all.

    Args:
        scored: The rows of every fold that was trained.
        tables: The tables that the rows were made with.

    Returns:
        The predictions, and the weights fitted on all out-of-fold rows.
    """
    own = scored.take(scored.out_of_fold)
    fitted = cross_fit_rows(
        lambda used, labels: fit_mixture(own.take(used).evidence, labels), own.rows, tables
    )
    values = np.empty(scored.evidence[0].shape, np.float32)
    values[scored.out_of_fold] = fitted.apply(
        lambda mixture, rows: mixture.log_probabilities(own.take(rows).evidence)
    )
    others = scored.take(~scored.out_of_fold)
    if len(others.rows):
        values[~scored.out_of_fold] = fitted.overall.log_probabilities(others.evidence)
    return Predictions(scored.rows, values, tables.class_names, tables.contract), fitted.overall


def cross_fit_rows(
    fit: Callable[[np.ndarray, np.ndarray], T], rows: pd.DataFrame, tables: TrainingTables
) -> CrossFitted[T]:
    """Fit something to out-of-fold rows, each part's without that part.

    Args:
        fit: Given which rows to use (bool [rows]) and their labels, returns what it fitted. Rows
            whose label does not count are never among them.
        rows: Rows of train photos only, as in `Predictions`.
        tables: The tables that the rows were made with.
    """
    labels = tables.labels_of(rows["photo_id"])
    groups = tables.folds.set_index("photo_id").loc[rows["photo_id"], "group"].to_numpy()
    counts = rows["label_counts"].to_numpy()
    parts = cross_fitting_parts(rows["fold"].to_numpy(), groups)
    return cross_fit(lambda used: fit(used & counts, labels[used & counts]), parts)
