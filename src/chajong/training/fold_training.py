"""One model a fold, each trained on the other folds' photos."""

from __future__ import annotations

from contextlib import nullcontext
from socket import gethostname
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.engine import HERE, side_by_side, spread
from chajong.training.engine import (
    HISTORY_FILE,
    TrainingJob,
    check_job,
    finished_training,
    train,
)
from chajong.training.errors import TrainingError
from chajong.training.folds import CALIBRATION, training_rows
from chajong.training.progress import following_bar, photos_seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch

    from chajong.engine import Engine
    from chajong.training.engine import TrainedModel
    from chajong.training.parameters import TrainingParameters
    from chajong.training.photo_batches import LabelledPhotos

INNER_SHARE = 0.1
"""Share of a fold's training groups that is held back where the epoch is chosen."""


def train_folds(
    build: Callable[[int], Callable[[], torch.nn.Module]],
    photos: LabelledPhotos,
    folds: pd.DataFrame,
    parameters: TrainingParameters,
    folder: Path,
    title: str,
    engine: Engine = HERE,
) -> dict[int, TrainedModel]:
    """Train the model of every fold that is asked for; finished ones are not trained again.

    Args:
        build: Given a fold, gives what makes its model.
        photos: Every readable train photo, in the order of `folds`.
        folds: The `folds` table.
        parameters: How models are trained, and which folds.
        folder: Keeps one folder a fold; it belongs to these photos and settings alone.
        title: What progress bars call the model.
        engine: Where they are trained, as many at once as there is room for; the machines of a
            cluster share the folder.

    Returns:
        Trained models by fold.

    Raises:
        TrainingError: A fold is not known, its training photos all show one class, or its
            training cannot go on.
    """
    # All jobs are laid out first: what is wrong with the last fold stops the run before the first.
    chosen = chosen_folds(folds, parameters)
    trained = {fold: finished_training(folder / f"fold_{fold}") for fold in chosen}
    jobs, photos_to_see = {}, 0
    for place, fold in enumerate(chosen, start=1):
        if trained[fold] is not None:
            continue
        seen, inner = _training_photos(fold, photos, folds, parameters)
        jobs[fold] = TrainingJob(
            build=build(fold),
            photos=seen,
            inner_photos=inner,
            parameters=parameters,
            title=f"{title}, fold {fold} ({place} of {len(chosen)})",
        )
        photos_to_see += len(check_job(jobs[fold]))
    folders = {fold: folder.absolute() / f"fold_{fold}" for fold in jobs}
    shares = [(job, folders[fold]) for fold, job in jobs.items()]
    folder.mkdir(parents=True, exist_ok=True)
    with _progress(engine, parameters, f"{title}, {len(jobs)} folds", photos_to_see, folders):
        for _ in spread(engine, fold_trainer, shares, gpus=parameters.processes):
            pass  # what is trained lies in the folder
    return {fold: model or train(jobs[fold], folders[fold]) for fold, model in trained.items()}


def _progress(
    engine: Engine,
    parameters: TrainingParameters,
    title: str,
    photos: int,
    folders: dict[int, Path],
) -> AbstractContextManager[None]:
    """Show one bar for folds that are trained side by side; others show one each."""
    if not side_by_side(engine, len(folders), parameters.processes):
        return nullcontext()
    return following_bar(title, photos, lambda: sum(map(photos_seen, folders.values())))


def is_finished(folder: Path) -> bool:
    """Tell the folder of `train_folds` in which nothing is left to be trained."""
    folds = list(folder.glob("fold_*"))
    return bool(folds) and all((fold / HISTORY_FILE).exists() for fold in folds)


def fold_trainer() -> Callable[[tuple[TrainingJob, Path]], None]:
    """Give what trains a fold, in whatever process."""
    return _train_share


def _train_share(share: tuple[TrainingJob, Path]) -> None:
    job, folder = share
    if not folder.parent.is_dir():
        message = (
            f"{gethostname()} has no folder {folder.parent}, where the run looks for what is "
            "trained: with engine.kind=ray the data_dir lies on a disk that all machines share, "
            "under the same path."
        )
        raise TrainingError(message)
    train(job, folder)


def chosen_folds(folds: pd.DataFrame, parameters: TrainingParameters) -> list[int]:
    """List the folds whose models are trained.

    Raises:
        TrainingError: A fold is not known.
    """
    known = sorted(int(fold) for fold in set(folds["fold"]) - {CALIBRATION})
    if parameters.folds is None:
        return known
    unknown = sorted(set(parameters.folds) - set(known))
    if unknown:
        message = f"There is no fold {unknown[0]}: set `training.folds` to some of {known}."
        raise TrainingError(message)
    return sorted(set(parameters.folds))


def training_history(trained: dict[int, TrainedModel]) -> pd.DataFrame:
    """Lay out what was logged.

    Args:
        trained: Trained models by fold.

    Returns:
        One row a logged step: `fold`, `epoch`, `step`, `training_loss`, `inner_loss`,
        `learning_rate` and `photos_per_second`.
    """
    rows = [
        _entry(fold, model, entry) for fold, model in trained.items() for entry in model.history
    ]
    columns = ["training_loss", "inner_loss", "learning_rate", "photos_per_second"]
    return pd.DataFrame(rows, columns=["fold", "epoch", "step", *columns])


def _entry(fold: int, model: TrainedModel, entry: dict[str, float]) -> dict[str, Any]:
    return {
        **entry,
        "fold": fold,
        "epoch": entry["step"] / model.steps_per_epoch,
        "training_loss": entry.get("loss"),
    }


def _training_photos(
    fold: int, photos: LabelledPhotos, folds: pd.DataFrame, parameters: TrainingParameters
) -> tuple[LabelledPhotos, LabelledPhotos | None]:
    """Choose the photos that a fold's model is trained on, and those that choose its epoch."""
    usable = training_rows(folds, fold)
    inner = usable & _inner_rows(folds, usable, parameters)
    seen = photos.take(usable & ~inner)
    if len(np.unique(seen.labels)) < 2:
        message = (
            f"The {len(seen)} training photos of fold {fold} do not show two classes: lower "
            "`data_processing.folds` or add photos."
        )
        raise TrainingError(message)
    return seen, photos.take(inner) if inner.any() else None


def _inner_rows(
    folds: pd.DataFrame, usable: np.ndarray, parameters: TrainingParameters
) -> np.ndarray:
    """Choose the photos that choose the epoch: whole groups, none where the last one is kept."""
    if parameters.epoch_choice == "last":
        return np.zeros(len(folds), dtype=bool)
    groups = np.unique(folds.loc[usable, "group"])
    random = np.random.default_rng(parameters.seed)
    held_back = random.permutation(groups)[: max(1, round(INNER_SHARE * len(groups)))]
    inner: np.ndarray = folds["group"].isin(held_back).to_numpy()
    return inner
