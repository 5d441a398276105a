"""CLIP models that are trained end to end on photos and names."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from chajong.engine import HERE, Engine
from chajong.members.clip.parameters import ClipParameters
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedClip, SavedMember
from chajong.members.trained.kind import TrainedKind
from chajong.training.parameters import TrainingParameters

if TYPE_CHECKING:
    import pandas as pd

    from chajong.encoders.views import ViewAverage
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.clip.scorer import ClipScorer
    from chajong.members.cost import PhotoCounts
    from chajong.members.kind import Report
    from chajong.members.trained.kind import Builder, Predicted
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.moving_average import Weights

DEFAULT = ClipParameters(library="open_clip", model="ViT-B-32-quickgelu", weights="openai")


class ClipMemberParameters(MemberParameters):
    """A CLIP model that is trained end to end.

    Attributes:
        model: Which model, from which weights, and what it learns and predicts.
        training: How it is trained.
    """

    kind: Literal["clip"]
    model: ClipParameters = DEFAULT
    training: TrainingParameters = TrainingParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return self.model.model


class ClipKind(TrainedKind[ClipMemberParameters]):
    """See the module."""

    name = "clip"
    approach = "CLIP"
    pipeline = "clip_training"
    parameters: ClassVar[type[MemberParameters]] = ClipMemberParameters
    configuration: ClassVar[type[SavedMember]] = SavedClip

    def check(self, classes: pd.DataFrame, parameters: ClipMemberParameters) -> Report:
        """Build the model once, so that a wrong name or file stops the run before long work starts.

        Args:
            classes: The `classes` table, whose sentences must not be too long for the model.
            parameters: Which model, and how it is trained.

        Returns:
            What the model's training depends on, and the height and width of its input in pixels.

        Raises:
            EncoderError: The model is unknown, its weights are absent or do not fit, or a sentence
                is longer than it reads.
            TrainingError: A GPU is asked for and there is none.
        """
        from chajong.members.clip.classifier import build_clip_classifier
        from chajong.members.clip.member import model_identity
        from chajong.members.clip.prompts import class_prompts
        from chajong.training.engine import check_device

        check_device(parameters.training)
        built = build_clip_classifier(parameters.model, class_prompts(classes))
        identity = model_identity(parameters.model, classes)
        return {"identity": identity, "image_size": built.image_size}

    def builder(self, parameters: ClipMemberParameters, tables: TrainingTables) -> Builder:
        """See `TrainedKind`."""
        from chajong.members.clip.member import clip_builder

        return clip_builder(parameters.model, tables)

    def predict(
        self,
        fold_weights: dict[int, Weights],
        training: Report,
        tables: TrainingTables,
        parameters: ClipMemberParameters,
        engine: Engine = HERE,
    ) -> Predicted:
        """Predict by names, photo prototypes and neighbours.

        Args:
            fold_weights: Weights by fold.
            training: What the training cost and was kept under.
            tables: The tables.
            parameters: The views of a photo, and the α of WiSE-FT that are tried.
            engine: Where it is computed.

        Returns:
            The predictions, the fold models' checkpoint, and the metrics.
        """
        from chajong.members.clip.member import predict_folds

        predictions, checkpoint, metrics = predict_folds(
            fold_weights, training, parameters.model, tables, engine
        )
        return predictions, *self.described(checkpoint, metrics, tables, parameters)

    def views(self, model: ClipClassifier, parameters: ClipMemberParameters) -> ViewAverage:
        """See `TrainedKind`."""
        from chajong.device import best_device
        from chajong.members.clip.fold_models import embedding_views

        return embedding_views(model.eval().to(best_device()), parameters.model)

    def looks(self, parameters: ClipMemberParameters, counts: PhotoCounts) -> float:
        """See `TrainedKind`; where several α are tried, each looks at the fold's photos first.

        Folds that choose another α than all together look at their training photos once more.
        """
        from chajong.members.cost import view_count

        alphas = len(parameters.model.alphas)
        tried = alphas * counts.held_out if alphas > 1 else 0.0
        return view_count(parameters.model) * (tried + counts.learnt + counts.scored)

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> ClipScorer:
        """See `Kind`."""
        from chajong.members.clip.scorer import ClipScorer

        return ClipScorer(checkpoint, classes)
