"""What all kinds of trained members share: check, train fold by fold, predict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from chajong.engine import HERE, Engine
from chajong.members.kind import Kind, Step
from chajong.members.parameters import MemberParameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    import torch

    from chajong.encoders.views import ViewAverage
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts, Sample, Speeds
    from chajong.members.kind import Report
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights
    from chajong.training.parameters import TrainingParameters

    Builder = Callable[[int], Callable[[], torch.nn.Module]]
    """From a fold to what makes its model with its starting weights."""

    Trained = tuple[dict[int, Weights], pd.DataFrame, Report]
    """Weights by fold, the history of the loss, and what the training cost and is kept under."""

    Predicted = tuple[Predictions, Checkpoint, Report]
    """The predictions, the fold models, and the metrics."""


Parameters = TypeVar("Parameters", bound=MemberParameters)

PREDICTED = ("predictions", "checkpoint", "metrics")


class TrainedKind(Kind[Parameters]):
    """A kind whose members are trained end to end.

    `views` asks a model as it is before training, `looks` says at how many views of photos a fold's
    model looks once it is trained.

    `check` gives what the training depends on, as `identity`, and the height and width of the
    model's input, as `image_size`. Arguments differ from kind to kind; see `Step`.
    """

    check: Callable[..., Report]
    builder: Callable[..., Builder]
    predict: Callable[..., Predicted]
    views: Callable[..., ViewAverage]
    looks: Callable[..., float]

    def steps(self, parameters: Parameters) -> tuple[Step, ...]:
        """See `Kind`."""
        return (
            Step("check_model", self.check, ("model",)),
            Step("draw_training_photos", self.draw_training_photos, ("training_photos",)),
            Step("train_folds", self.train, ("fold_weights", "history", "training")),
            Step("chart_training", self.chart_training, ("training_chart",)),
            Step("predict", self.predict, PREDICTED),
        )

    def train(
        self,
        member: str,
        model: Report,
        tables: TrainingTables,
        scratch: Path,
        parameters: Any,
        engine: Engine = HERE,
        **others: Any,
    ) -> Trained:
        """Train the model of every fold; see `train_member`.

        Args:
            member: The member's name.
            model: From `check`.
            tables: The tables.
            scratch: Where interrupted and finished trainings are kept.
            parameters: What is trained, and how.
            engine: Where it is trained.
            others: What other members left that training starts from; see `references`.

        Raises:
            TrainingError: The training cannot start or go on.
        """
        from chajong.members.trained.member import train_member

        build = self.builder(parameters, tables, **others)
        identity = model["identity"] | self.starting_identity(**others)
        return train_member(
            build, identity, parameters.training, tables, scratch, member, engine=engine
        )

    def speeds(self, parameters: Any, sample: Sample) -> Speeds:
        """See `Kind`."""
        from chajong.encoders.backends import backends_chosen
        from chajong.members.cost import (
            looking_speeds,
            seconds_a_training_photo,
            threads_of_a_fold,
            training_trial,
            view_count,
        )

        tables = sample.tables
        build = self.builder(parameters, tables)(0)
        job = training_trial(build, tables.train_photos(), parameters.training)
        with threads_of_a_fold(trained_folds(parameters.training, sample.folds)):
            learning = seconds_a_training_photo(job, sample.scratch)
            model = build()
            with backends_chosen(model):
                views = self.views(model, parameters)
                looking = looking_speeds(views, tables.store, view_count(parameters.model))
        return {"learning": learning, **looking}

    def seconds(self, parameters: Any, speeds: Speeds, counts: PhotoCounts, scratch: Path) -> float:
        """See `Kind`; a model that is asked as it was published learns from no photo."""
        from chajong.members.cost import folds_at_once

        training = parameters.training
        a_fold: float = speeds["starting"] + speeds["looking"] * self.looks(parameters, counts)
        if training is not None:
            a_fold += speeds["learning"] * training.epochs * counts.learnt
        folds = trained_folds(training, counts.folds)
        return a_fold * math.ceil(folds / folds_at_once(folds))

    def sizes(self, parameters: Any) -> list[Report]:
        """See `Kind`."""
        from chajong.members.cost import shorter_trainings

        return shorter_trainings(parameters.training)

    def starting_identity(self, **others: Any) -> Report:
        """Say what of other members a training starts from, as JSON values."""
        return {}

    def draw_training_photos(
        self, model: Report, photos: pd.DataFrame, photo_store: PhotoStore, parameters: Any
    ) -> Any:
        """Draw what the model sees in training; see `draw_contact_sheet`."""
        from chajong.members.trained.sheet import draw_contact_sheet

        return draw_contact_sheet(photos, photo_store, parameters.training, model["image_size"])

    def chart_training(self, history: pd.DataFrame) -> Any:
        """Draw how the loss fell."""
        from chajong.training.curves import loss_curves

        return loss_curves(history)


def trained_folds(training: TrainingParameters | None, folds: int) -> int:
    """Count the folds that have a model.

    Args:
        training: How they are trained; None for models that are asked as they were published.
        folds: Folds of the cross-validation.
    """
    return folds if training is None or training.folds is None else len(training.folds)
