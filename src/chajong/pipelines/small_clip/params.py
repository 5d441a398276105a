"""Parameters of small_clip."""

from pydantic import BaseModel, ConfigDict

from chajong.models.clip.parameters import SmallClipParameters


class SmallClipPipelineParameters(BaseModel):
    """The small CLIP's sizes.

    Attributes:
        model: Its towers and its tokenizer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: SmallClipParameters = SmallClipParameters()
