"""CLIP models that are only asked: photos are compared with the names of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from chajong.members.clip.parameters import ClipParameters
from chajong.members.kind import Kind, Step
from chajong.members.kinds.clip import DEFAULT
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedMember, SavedZeroShot
from chajong.members.trained.kind import PREDICTED

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.scorer import ZeroShotScorer
    from chajong.members.cost import PhotoCounts, Sample, Speeds
    from chajong.members.kind import Report
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions


class ZeroShotParameters(MemberParameters):
    """A CLIP model that is not trained.

    Attributes:
        model: Which model, with which weights.
    """

    kind: Literal["zero_shot"]
    model: ClipParameters = DEFAULT

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return f"{self.model.model}, by the names alone"


class ZeroShotKind(Kind[ZeroShotParameters]):
    """See the module."""

    name = "zero_shot"
    approach = "CLIP"
    pipeline = "clip_training"
    parameters: ClassVar[type[MemberParameters]] = ZeroShotParameters
    configuration: ClassVar[type[SavedMember]] = SavedZeroShot

    def steps(self, parameters: ZeroShotParameters) -> tuple[Step, ...]:
        """See `Kind`."""
        return (
            Step("check_model", self.check, ("model",)),
            Step("predict", self.predict, (*PREDICTED, "car_likeness")),
        )

    def check(self, classes: pd.DataFrame, parameters: ZeroShotParameters) -> str:
        """Build the model once, so that a wrong name or file stops the run before long work starts.

        Args:
            classes: The `classes` table, whose sentences must not be too long for the model.
            parameters: Which model.

        Returns:
            The model's name.

        Raises:
            EncoderError: The model is unknown, its weights are absent or do not fit, or a sentence
                is longer than it reads.
        """
        from chajong.members.clip.classifier import build_clip_classifier
        from chajong.members.clip.prompts import class_prompts

        build_clip_classifier(parameters.model, class_prompts(classes))
        return parameters.model.model

    def predict(
        self, model: str, tables: TrainingTables, parameters: ZeroShotParameters
    ) -> tuple[Predictions, Checkpoint, Report, pd.DataFrame]:
        """Predict by names alone, with a model that has not seen these photos.

        Args:
            model: From `check`, which has to come first.
            tables: The tables.
            parameters: Which model.

        Returns:
            The predictions, the checkpoint, the metrics, and how likely each photo shows a car from
            outside.
        """
        from chajong.members.clip.member import predict_zero_shot

        predictions, checkpoint, metrics, likeness = predict_zero_shot(parameters.model, tables)
        return predictions, *self.described(checkpoint, metrics, tables, parameters), likeness

    def speeds(self, parameters: ZeroShotParameters, sample: Sample) -> Speeds:
        """See `Kind`."""
        from chajong.device import best_device
        from chajong.members.clip.classifier import build_clip_classifier
        from chajong.members.clip.fold_models import embedding_views
        from chajong.members.clip.prompts import class_prompts
        from chajong.members.cost import looking_speeds, view_count

        prompts = class_prompts(sample.tables.classes)
        model = build_clip_classifier(parameters.model, prompts).eval().to(best_device())
        views = embedding_views(model, parameters.model)
        return looking_speeds(views, sample.tables.store, view_count(parameters.model))

    def seconds(
        self, parameters: ZeroShotParameters, speeds: Speeds, counts: PhotoCounts, scratch: Path
    ) -> float:
        """See `Kind`."""
        from chajong.members.cost import view_count

        looks = view_count(parameters.model) * counts.all
        return speeds["starting"] + speeds["looking"] * looks

    def sizes(self, parameters: ZeroShotParameters) -> list[Report]:
        """See `Kind`."""
        from chajong.members.cost import smaller_views

        return smaller_views("model", parameters.model)

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> ZeroShotScorer:
        """See `Kind`."""
        from chajong.members.clip.scorer import ZeroShotScorer

        return ZeroShotScorer(checkpoint, classes)
