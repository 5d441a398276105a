"""Image classifiers that are fine-tuned and know the names of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.kind import Reference
from chajong.members.kinds.backbone import ImageClassifierKind
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedFusion, SavedMember
from chajong.training.parameters import TrainingParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import Report
    from chajong.members.trained.kind import Builder
    from chajong.members.trained.tables import TrainingTables


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


class FusionKind(ImageClassifierKind):
    """See the module."""

    name = "fusion"
    approach = "fusion"
    parameters: ClassVar[type[MemberParameters]] = FusionMemberParameters
    configuration: ClassVar[type[SavedMember]] = SavedFusion

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

    def builder(
        self,
        parameters: FusionMemberParameters,
        tables: TrainingTables,
        start: Checkpoint | None = None,
    ) -> Builder:
        """Say how a fold's model is made, from the plain classifiers where there are some.

        Raises:
            CheckpointError: One of them is missing, or they were trained for other classes or
                folds.
        """
        from chajong.members.backbone.member import fusion_builder

        return fusion_builder(parameters.model, tables, start)

    def starting_identity(self, **others: Any) -> Report:
        """See `TrainedKind`."""
        start: Checkpoint | None = others.get("start")
        return {"backbone": start.configuration["training"]} if start else {}
