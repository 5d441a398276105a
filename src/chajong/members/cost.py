"""What a member costs: what a short trial measures, and what so many photos make of it."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chajong.engine import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from chajong.encoders.encoder import Encoder
    from chajong.members.heads.parameters import HeadsParameters
    from chajong.members.kind import Report
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.store import PhotoStore
    from chajong.training.engine import TrainingJob
    from chajong.training.parameters import TrainingParameters
    from chajong.training.photo_batches import LabelledPhotos

Speeds = dict[str, float]
"""Seconds by what is done: `starting` to look, once, and `looking` at a view of a photo; `learning`
from a photo; `fitting` heads to a photo along a direction. The `width` of features is no time."""

STEPS = 3
"""Steps of a training that is tried; the first, which warms up, does not count."""

HEADS_PHOTOS = 1024
"""Made-up photos that heads are fitted to in a trial: of fewer, most is what does not grow."""

LEAST_TRAINING = 0.25
"""Share of the epochs below which a training is not worth its start."""


@dataclass(frozen=True)
class PhotoCounts:
    """How much there is to do.

    Attributes:
        train: Train photos.
        test: Photos to predict.
        folds: Folds of the cross-validation.
        calibration: Share of the train photos that no fold's model trains on.
    """

    train: int
    test: int
    folds: int
    calibration: float

    @property
    def all(self) -> int:
        """Every photo once."""
        return self.train + self.test

    @property
    def held_out(self) -> float:
        """Train photos of one fold."""
        return self.train * (1 - self.calibration) / self.folds

    @property
    def learnt(self) -> float:
        """Photos that a fold's model trains on."""
        return self.held_out * (self.folds - 1)

    @property
    def scored(self) -> float:
        """Photos that a fold's model is asked about: its own, the calibration slice, the tests."""
        return self.held_out + self.train * self.calibration + self.test


@dataclass(frozen=True, eq=False)
class Sample:
    """What a trial works on.

    Attributes:
        tables: A few photos, and all classes.
        folds: How many folds the run will have.
        scratch: A folder for what a trial leaves.
        speeds: Of the members that were tried before, by name.
    """

    tables: TrainingTables
    folds: int
    scratch: Path
    speeds: Mapping[str, Speeds]


class Views(Protocol):
    """The part of a model's parameters that says which views of a photo it looks at."""

    @property
    def flip(self) -> bool:
        """Whether mirror images are views too."""

    @property
    def zoom(self) -> tuple[float, ...]:
        """Centre zooms."""


def looking_speeds(encoder: Encoder, store: PhotoStore, views: int) -> Speeds:
    """Encode a few photos again and again.

    The last pass begins when a faster back-end would have been found: of the time before it, torch
    has at least half.

    Args:
        encoder: What looks at them.
        store: The photos.
        views: At how many views of each it looks.
    """
    from chajong.encoders.backends import PATIENCE
    from chajong.encoders.extraction import encode_all

    contents, passes = list(store.keys()), list[float]()
    while sum(passes[:-1]) < 2 * PATIENCE:
        started = time.perf_counter()
        encode_all(contents, store, encoder)
        passes.append(time.perf_counter() - started)
    return speeds_of_passes(passes, len(contents) * views)


def speeds_of_passes(passes: Sequence[float], looks: int) -> Speeds:
    """Tell what looking takes from what is lost to warming up and to choosing a back-end.

    Args:
        passes: Seconds of each pass. The median of the last third counts: the fastest pass of many
            is one that no other program disturbed.
        looks: Views that a pass looks at.
    """
    typical = median(passes[-max(1, len(passes) // 3) :])
    lost = max(0.0, sum(passes) - len(passes) * typical)
    return {"looking": typical / looks, "starting": lost}


@contextmanager
def threads_of_a_fold(folds: int) -> Iterator[None]:
    """Compute with as many threads as each of some folds has that are trained side by side."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // folds_at_once(folds)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def folds_at_once(folds: int) -> int:
    """Say how many of some folds are trained side by side here."""
    from chajong.engine.processes import workers_here

    return workers_here(HERE, folds, gpus=1)


def training_trial(
    build: Callable[[], torch.nn.Module], photos: LabelledPhotos, parameters: TrainingParameters
) -> TrainingJob:
    """Lay out a training of `STEPS` steps.

    Args:
        build: Makes the model.
        photos: A few, which are repeated until they fill the steps.
        parameters: How the member is trained.
    """
    from chajong.training.engine import TrainingJob

    places = np.arange(STEPS * parameters.batch_size) % len(photos)
    once = parameters.model_copy(update={"epochs": 1})
    return TrainingJob(build, photos.take(places), None, once, "trial")


def seconds_a_training_photo(job: TrainingJob, folder: Path) -> float:
    """Train for a few steps.

    Args:
        job: One epoch of `STEPS` steps.
        folder: Gets what the training leaves.
    """
    from chajong.training.engine import train

    history = train(job, folder).history
    seconds = [entry["seconds"] for entry in history if "seconds" in entry]
    return min(seconds[1:]) / job.parameters.batch_size


def seconds_of_fitting(width: int, class_count: int, heads: HeadsParameters) -> float:
    """Fit heads to made-up features.

    Args:
        width: Of the features.
        class_count: Classes that they are parted into.
        heads: Which heads.

    Returns:
        Seconds of a photo and a direction; there are at most as many directions as photos.
    """
    import torch

    from chajong.device import best_device
    from chajong.members.heads.search import search_heads

    random = torch.Generator().manual_seed(0)
    photos = max(HEADS_PHOTOS, 2 * class_count)
    labels = torch.arange(photos) % class_count
    means = torch.randn(class_count, width, generator=random)
    features = means[labels] + 3 * torch.randn(photos, width, generator=random)
    folds, counts = np.arange(photos) // class_count % 2, np.ones(photos, dtype=bool)
    names = torch.randn(class_count, 64, generator=random)
    started = time.perf_counter()
    search_heads(features, labels, folds, counts, class_count, names, heads, best_device())
    return (time.perf_counter() - started) / fitting_work(photos // 2, width, folds=2)


def fitting_work(photos: float, width: float, folds: int) -> float:
    """Count the photos and directions of all folds' heads.

    Args:
        photos: That a fold's heads are fitted to.
        width: Of the features.
        folds: How many there are.
    """
    from chajong.members.heads.whitening import LEADING_DIRECTIONS, is_wide

    directions = LEADING_DIRECTIONS if is_wide(photos, width) else min(photos, width)
    return folds * photos * directions


def smaller_views(place: str, views: Views) -> list[Report]:
    """List how a member can look at fewer views of a photo, from as it is to the least.

    Args:
        place: The block of the settings.
        views: The settings as they are.
    """
    changes: list[dict[str, Any]] = [{}]
    if views.flip:
        changes.append({"flip": False})
    if len(views.zoom) > 1:
        changes.append({**changes[-1], "zoom": [views.zoom[0]]})
    return [{place: change} if change else {} for change in changes]


def view_count(views: Views) -> int:
    """Count the views of a photo."""
    return len(views.zoom) * (1 + views.flip)


def shorter_trainings(training: TrainingParameters) -> list[Report]:
    """List how a training can be shortened, from as it is to the least."""
    least = math.ceil(LEAST_TRAINING * training.epochs)
    shorter = [{"training": {"epochs": each}} for each in range(training.epochs - 1, least - 1, -1)]
    return [{}, *shorter]
