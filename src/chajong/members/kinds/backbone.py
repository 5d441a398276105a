"""Image classifiers that are fine-tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from chajong.engine import HERE, Engine
from chajong.members.backbone.parameters import BackboneParameters
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedBackbone, SavedMember
from chajong.members.trained.kind import TrainedKind
from chajong.training.parameters import TrainingParameters

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from chajong.encoders.views import ViewAverage
    from chajong.members.backbone.scorer import BackboneScorer
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts
    from chajong.members.kind import HeatMapper, Report
    from chajong.members.onnx.graphs import MemberGraph
    from chajong.members.trained.kind import Builder, Predicted
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.moving_average import Weights


class BackboneMemberParameters(MemberParameters):
    """A fine-tuned image classifier.

    Attributes:
        model: Which backbone, from which weights.
        training: How it is trained.
    """

    kind: Literal["backbone"]
    model: BackboneParameters = BackboneParameters(model="tf_efficientnet_lite0")
    training: TrainingParameters = TrainingParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return self.model.model


class ImageClassifierKind(TrainedKind[Any]):
    """What fine-tuned image classifiers share, with names or without."""

    pipeline = "fusion_training"

    def predict(
        self,
        fold_weights: dict[int, Weights],
        training: Report,
        tables: TrainingTables,
        parameters: Any,
        engine: Engine = HERE,
    ) -> Predicted:
        """Predict with every fold's model; see `predict_folds`.

        The weights hold all that training changed, wherever it started.
        """
        from chajong.members.backbone.member import predict_folds

        build = self.builder(parameters, tables)
        predictions, checkpoint, metrics = predict_folds(
            build, fold_weights, training, parameters.model, tables, engine
        )
        return predictions, *self.described(checkpoint, metrics, tables, parameters)

    def heat_mapper(self) -> HeatMapper:
        """See `Kind`."""

        def heat_maps(*given: Any, **named: Any) -> list[np.ndarray]:
            from chajong.members.backbone.grad_cam import heat_maps_of_folds  # and with it torch

            return heat_maps_of_folds(*given, **named)

        return heat_maps

    def views(self, model: Any, parameters: Any) -> ViewAverage:
        """See `TrainedKind`."""
        from chajong.device import best_device
        from chajong.members.trained.views import views_of

        return views_of(model.eval().to(best_device()), parameters.model, model.features)

    def looks(self, parameters: Any, counts: PhotoCounts) -> float:
        """See `TrainedKind`; the discriminant looks at the training photos."""
        from chajong.members.cost import view_count

        return view_count(parameters.model) * (counts.learnt + counts.scored)

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> BackboneScorer:
        """See `Kind`."""
        from chajong.members.backbone.scorer import BackboneScorer

        return BackboneScorer(checkpoint, classes)

    def export_onnx(self, checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
        """See `Kind`."""
        from chajong.members.onnx.export import export_trained

        return export_trained(checkpoint, folder)

    def onnx_graph(self, checkpoint: Checkpoint) -> MemberGraph:
        """See `Kind`."""
        from chajong.members.onnx.export import trained_graph

        return trained_graph(checkpoint)


class BackboneKind(ImageClassifierKind):
    """See the module."""

    name = "backbone"
    approach = "end to end"
    parameters: ClassVar[type[MemberParameters]] = BackboneMemberParameters
    configuration: ClassVar[type[SavedMember]] = SavedBackbone

    def check(self, parameters: BackboneMemberParameters) -> Report:
        """See that the model can be built and trained here; see `check_backbone`."""
        from chajong.members.backbone.member import check_backbone

        return check_backbone(parameters.model, parameters.training)

    def builder(self, parameters: Any, tables: TrainingTables) -> Builder:
        """See `TrainedKind`."""
        from chajong.members.backbone.member import backbone_builder

        return backbone_builder(parameters.model, tables)
