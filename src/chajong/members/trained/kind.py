"""What all kinds of trained members share: check, train fold by fold, predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from chajong.members.kind import Kind, Step
from chajong.members.parameters import MemberParameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import Report
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights

    Trained = tuple[dict[int, Weights], pd.DataFrame, Report]
    """Weights by fold, the history of the loss, and what the training cost and is kept under."""

    Predicted = tuple[Predictions, Checkpoint, Report]
    """The predictions, the fold models, and the metrics."""


Parameters = TypeVar("Parameters", bound=MemberParameters)

PREDICTED = ("predictions", "checkpoint", "metrics")


class TrainedKind(Kind[Parameters]):
    """A kind whose members are trained end to end.

    `check` gives what the training depends on, and the height and width of the model's input.
    Its own arguments and those of `train` and `predict` differ from kind to kind; see `Step`.
    """

    check: Callable[..., Report]
    train: Callable[..., Trained]
    predict: Callable[..., Predicted]

    def steps(self, parameters: Parameters) -> tuple[Step, ...]:
        """See `Kind`."""
        return (
            Step("check_model", self.check, ("model",)),
            Step("draw_training_photos", self.draw_training_photos, ("training_photos",)),
            Step("train_folds", self.train, ("fold_weights", "history", "training")),
            Step("chart_training", self.chart_training, ("training_chart",)),
            Step("predict", self.predict, PREDICTED),
        )

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
