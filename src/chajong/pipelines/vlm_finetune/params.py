"""Parameters of vlm_finetune."""

from typing import Annotated

from pydantic import Field, model_validator

from chajong.members.vlm.parameters import (
    VlmClassifierParameters,
    VlmTrainingParameters,
)
from chajong.parameters import Seeded, Strict


class ExportParameters(Strict):
    """What is written besides the checkpoint, in the layout of the hub.

    Attributes:
        merged_folds: Folds whose adapter is also written as a whole model in bfloat16, the adapter
            merged into the weights that it was trained on: twice as many bytes as the model has
            parameters.
        push_to: Hub repository that the adapters are uploaded to, as a private one.
    """

    merged_folds: tuple[Annotated[int, Field(ge=0)], ...] = ()
    push_to: str | None = None


class VlmMemberParameters(Seeded):
    """A vision-language model that is asked about the names which another member proposes.

    Attributes:
        enabled: Whether this run computes the member.
        model: Which model, what it is asked, and what it learns.
        training: How it is trained; None asks it as it is (zero-shot).
        export: What is written besides the checkpoint.
    """

    enabled: bool = False
    model: VlmClassifierParameters = VlmClassifierParameters()
    training: VlmTrainingParameters | None = VlmTrainingParameters()
    export: ExportParameters = ExportParameters()

    @model_validator(mode="after")
    def _a_head_is_trained(self) -> "VlmMemberParameters":
        if self.training is None and self.model.objective == "class_head":
            message = (
                "a class head knows nothing before it is trained: give `training`, or set "
                "`model.objective: listwise`"
            )
            raise ValueError(message)
        return self
