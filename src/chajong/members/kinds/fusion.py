"""Image classifiers that are fine-tuned and know the names of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.kind import Reference
from chajong.members.parameters import MemberParameters
from chajong.members.trained.kind import TrainedKind
from chajong.training.parameters import TrainingParameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from chajong.members.backbone.scorer import BackboneScorer
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import Report
    from chajong.members.trained.kind import Predicted, Trained
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.moving_average import Weights


DEFAULT = {"model": "tf_efficientnet_lite0"}
"""The backbone where neither the member nor the one that it starts from names one."""


class FusionMemberParameters(MemberParameters):
    """A fine-tuned image classifier that knows the names of the classes.

    Attributes:
        start: A backbone member, from whose trained model of the same fold training starts; what
            `model` does not say is taken from that member. From the published weights where none
            is named.
        model: Which backbone, from which weights, and where names enter.
        training: How it is trained.
    """

    kind: Literal["fusion"]
    start: str | None = None
    model: FusionParameters = FusionParameters(**DEFAULT)
    training: TrainingParameters = TrainingParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return f"{self.model.model} with names"


class FusionKind(TrainedKind[FusionMemberParameters]):
    """See the module."""

    name = "fusion"
    approach = "fusion"
    pipeline = "fusion_training"
    parameters: ClassVar[type[MemberParameters]] = FusionMemberParameters

    def references(self, parameters: FusionMemberParameters) -> dict[str, Reference]:
        """See `Kind`."""
        if parameters.start is None:
            return {}
        start = Reference(parameters.start, "checkpoint", "start", ("backbone",), asked=False)
        return {"start": start}

    def completed(self, block: Report, blocks: Mapping[str, Any]) -> Report:
        """See `Kind`."""
        started_from = blocks.get(str(block.get("start")))
        theirs = started_from.get("model") if isinstance(started_from, dict) else None
        inherited = {
            setting: value
            for setting, value in (theirs or {}).items()
            if setting in BackboneParameters.model_fields
        }
        return {**block, "model": {**DEFAULT, **inherited, **(block.get("model") or {})}}

    def check(self, classes: pd.DataFrame, parameters: FusionMemberParameters) -> Report:
        """See that the model can be built and trained here, and that its names can be read.

        Raises:
            EncoderError: The backbone or the model that embeds names cannot be had or built.
            ValueError: That model does not read the names of the classes.
        """
        from chajong.members.backbone.member import check_backbone
        from chajong.members.backbone.names import fusion_targets

        fusion_targets(classes, parameters.model)
        return check_backbone(parameters.model, parameters.training)

    def train(
        self,
        member: str,
        model: Report,
        tables: TrainingTables,
        scratch: Path,
        parameters: FusionMemberParameters,
        start: Checkpoint | None = None,
    ) -> Trained:
        """Train the model of every fold.

        Args:
            member: The member's name.
            model: From `check`.
            tables: The tables.
            scratch: Where interrupted and finished trainings are kept.
            parameters: Which backbone, where names enter, and how it is trained.
            start: The plain classifiers that training starts from.

        Raises:
            CheckpointError: A plain classifier is missing, or they were trained for other classes
                or folds.
            TrainingError: The training cannot start or go on.
        """
        from chajong.members.backbone.member import fusion_builder, starting_identity
        from chajong.members.trained.member import train_member

        build = fusion_builder(parameters.model, tables, start)
        identity = model["identity"] | starting_identity(start)
        return train_member(build, identity, parameters.training, tables, scratch, member)

    def predict(
        self,
        fold_weights: dict[int, Weights],
        training: Report,
        tables: TrainingTables,
        parameters: FusionMemberParameters,
    ) -> Predicted:
        """Predict with every fold's model; see `predict_folds`.

        The weights hold all that training changed, wherever it started.
        """
        from chajong.members.backbone.member import fusion_builder, predict_folds

        build = fusion_builder(parameters.model, tables)
        predictions, checkpoint, metrics = predict_folds(
            build, fold_weights, training, parameters.model, tables
        )
        return predictions, *self.described(checkpoint, metrics, tables, parameters)

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> BackboneScorer:
        """See `Kind`."""
        from chajong.members.backbone.scorer import BackboneScorer

        return BackboneScorer(checkpoint, classes)

    def export_onnx(self, checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
        """See `Kind`."""
        from chajong.members.onnx.export import export_trained

        return export_trained(checkpoint, folder)
