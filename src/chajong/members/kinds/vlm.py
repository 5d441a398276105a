"""Vision-language models that are asked about the names which another member proposes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from chajong.engine import HERE, Engine
from chajong.members.kind import Reference, Step
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedMember, SavedVlm
from chajong.members.trained.kind import PREDICTED, TrainedKind, trained_folds
from chajong.members.vlm.parameters import (
    HintsParameters,
    VlmClassifierParameters,
    VlmTrainingParameters,
)
from chajong.parameters import Strict

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts, Sample, Speeds
    from chajong.members.kind import Report
    from chajong.members.trained.kind import Predicted, Trained
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.hints import Hints
    from chajong.members.vlm.scorer import VlmScorer
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights

EXAMPLES = 20
"""Questions that are written down for people to read."""

HINTING_KINDS = ("frozen", "concat", "zero_shot", "clip", "backbone", "fusion", "vlm")


class ExportParameters(Strict):
    """What is written besides the checkpoint, in the layout of the hub.

    Attributes:
        merged_folds: Folds whose adapter is also written as a whole model in bfloat16, the adapter
            merged into the weights that it was trained on: twice as many bytes as the model has
            parameters.
    """

    merged_folds: tuple[Annotated[int, Field(ge=0)], ...] = ()


class VlmMemberParameters(MemberParameters):
    """A vision-language model that is asked about the names which another member proposes.

    Attributes:
        hints: Who proposes names; every name is asked about where nobody does.
        model: Which model, what it is asked, and what it learns.
        training: How it is trained; None asks it as it is (zero-shot).
        export: What is written besides the checkpoint.
    """

    kind: Literal["vlm"]
    hints: HintsParameters = HintsParameters()
    model: VlmClassifierParameters = VlmClassifierParameters()
    training: VlmTrainingParameters | None = VlmTrainingParameters()
    export: ExportParameters = ExportParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return self.model.model

    @model_validator(mode="after")
    def _a_head_is_trained(self) -> VlmMemberParameters:
        if self.training is None and self.model.objective == "class_head":
            message = (
                "a class head knows nothing before it is trained: give `training`, or set "
                "`model.objective: listwise`"
            )
            raise ValueError(message)
        self.hints.check_with(self.model)
        return self


class VlmKind(TrainedKind[VlmMemberParameters]):
    """See the module."""

    name = "vlm"
    approach = "vision-language model"
    pipeline = "vlm_finetune"
    parameters: ClassVar[type[MemberParameters]] = VlmMemberParameters
    configuration: ClassVar[type[SavedMember]] = SavedVlm

    def steps(self, parameters: VlmMemberParameters) -> tuple[Step, ...]:
        """See `Kind`."""
        check = Step("check_model", self.check, ("model",))
        predict = Step("predict", self.predict, PREDICTED)
        if parameters.training is None:
            as_it_is = Step("take_as_it_is", self.take_as_it_is, ("fold_weights", "training"))
            return (check, *self._hinting(parameters), as_it_is, predict)
        return (
            check,
            *self._hinting(parameters),
            Step("draw_training_photos", self.draw_training_photos, ("training_photos",)),
            Step("write_example_questions", self.write_examples, ("training_questions",)),
            Step("train_folds", self.train_adapters, ("fold_weights", "history", "training")),
            Step("chart_training", self.chart_training, ("training_chart",)),
            predict,
            Step("export_adapters", self.export, ("adapters",)),
        )

    def _hinting(self, parameters: VlmMemberParameters) -> tuple[Step, ...]:
        if parameters.hints.member is not None:
            return (Step("choose_hints", self.hints_of_member, ("hints",)),)
        if parameters.hints.table is not None:
            return (Step("choose_hints", self.hints_of_table, ("hints",)),)
        return ()

    def references(self, parameters: VlmMemberParameters) -> dict[str, Reference]:
        """See `Kind`."""
        member = parameters.hints.member
        if member is None:
            return {}
        return {"hinting": Reference(member, "predictions", "hints.member", HINTING_KINDS)}

    def asked(self, parameters: VlmMemberParameters) -> list[str]:
        """See `Kind`; a table of others cannot be asked."""
        table = parameters.hints.table
        return super().asked(parameters) if table is None else [table]

    def check(self, parameters: VlmMemberParameters) -> Report:
        """See that the model can be loaded and trained here, before any of its weights is read.

        Args:
            parameters: Which model, and how it is trained.

        Returns:
            The height and width of its photos in pixels.

        Raises:
            EncoderError: The model is unknown, its files are absent, its photos exceed the pixel
                budget, or bitsandbytes is not installed.
            TrainingError: A GPU is asked for and there is none.
        """
        from chajong.members.vlm.base_model import check_base
        from chajong.training.engine import check_device

        if parameters.training is not None:
            check_device(parameters.training)
        return {"image_size": check_base(parameters.model)}

    def hints_of_member(
        self,
        hinting: Predictions | None,
        tables: TrainingTables,
        parameters: VlmMemberParameters,
    ) -> Hints:
        """Take another member's predictions as hints, once they are known to be out of fold.

        Raises:
            HintError: The member has no predictions, lacks photos, or knew the labels.
        """
        from chajong.members.vlm.hints import check_hints

        return check_hints(str(parameters.hints.member), hinting, tables)

    def hints_of_table(
        self,
        external_members: dict[str, pd.DataFrame],
        tables: TrainingTables,
        parameters: VlmMemberParameters,
    ) -> Hints:
        """Take a table of others as hints, once it is known to be out of fold.

        Raises:
            ExternalMemberError: The table is not there, or cannot be read as predictions.
            HintError: It lacks photos, or knew the labels.
        """
        from chajong.members.vlm.hints import check_hints
        from chajong.predictions.collection import read_table_of_others

        file = str(parameters.hints.table)
        predictions = read_table_of_others(
            file, external_members, tables.photos, tables.classes, tables.folds
        )
        return check_hints(file, predictions, tables)

    def write_examples(
        self, tables: TrainingTables, parameters: VlmMemberParameters, hints: Hints | None = None
    ) -> pd.DataFrame:
        """Write down what the model is asked in training; see `example_questions`."""
        from chajong.members.vlm.member import example_questions

        return example_questions(parameters, hints, tables, EXAMPLES)

    def take_as_it_is(self, tables: TrainingTables) -> tuple[dict[int, Weights], Report]:
        """Leave the model of every fold as it was published."""
        from chajong.members.vlm.member import untrained_folds

        return untrained_folds(tables)

    def train_adapters(
        self,
        member: str,
        model: Report,
        tables: TrainingTables,
        scratch: Path,
        parameters: VlmMemberParameters,
        hints: Hints | None = None,
        engine: Engine = HERE,
    ) -> Trained:
        """Train the adapters of every fold; see `chajong.members.vlm.member.train_folds`.

        Args:
            member: The member's name.
            model: From `check`, which has to come first.
            tables: The tables.
            scratch: Where interrupted and finished trainings are kept.
            parameters: Which model, what it is asked, and how it is trained.
            hints: Another member's predictions.
            engine: Where they are trained.
        """
        from chajong.members.vlm.member import train_folds

        return train_folds(member, parameters, hints, tables, scratch, engine)

    def predict(
        self,
        member: str,
        fold_weights: dict[int, Weights],
        training: Report,
        tables: TrainingTables,
        parameters: VlmMemberParameters,
        hints: Hints | None = None,
        engine: Engine = HERE,
    ) -> Predicted:
        """Ask about photos, and merge the answers with the hinting member's predictions.

        See `chajong.members.vlm.member.predict_folds`.
        """
        from chajong.members.vlm.member import predict_folds

        predictions, checkpoint, metrics = predict_folds(
            member, fold_weights, training, hints, parameters, tables, engine
        )
        return predictions, *self.described(checkpoint, metrics, tables, parameters)

    def export(
        self, checkpoint: Checkpoint, metrics: Report, parameters: VlmMemberParameters
    ) -> Any:
        """Plan the export of trained adapters.

        Args:
            checkpoint: From `predict`.
            metrics: From `predict`, for the model cards.
            parameters: Which folds are also merged.

        Returns:
            The plan; saving it checks each fold's model and writes its folder.
        """
        from chajong.members.vlm.export import AdapterExport

        return AdapterExport(checkpoint, metrics, parameters.export.merged_folds)

    def speeds(self, parameters: VlmMemberParameters, sample: Sample) -> Speeds:
        """See `Kind`; hints are made up."""
        from chajong.members.cost import threads_of_a_fold
        from chajong.members.vlm.trial import trial_speeds

        with threads_of_a_fold(trained_folds(parameters.training, sample.folds)):
            return trial_speeds(parameters, sample)

    def looks(self, parameters: VlmMemberParameters, counts: PhotoCounts) -> float:
        """See `TrainedKind`; as if every photo were asked about, whatever the hints say."""
        return counts.scored

    def sizes(self, parameters: VlmMemberParameters) -> list[Report]:
        """See `Kind`."""
        return [{}] if parameters.training is None else super().sizes(parameters)

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> VlmScorer:
        """See `Kind`."""
        from chajong.members.vlm.scorer import VlmScorer

        return VlmScorer(member, checkpoint)
