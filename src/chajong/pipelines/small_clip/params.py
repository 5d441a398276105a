"""Parameters of small_clip."""

from chajong.models.clip.parameters import SmallClipParameters
from chajong.parameters import Strict


class SmallClipPipelineParameters(Strict):
    """The small CLIP's sizes.

    Attributes:
        model: Its towers and its tokenizer.
    """

    model: SmallClipParameters = SmallClipParameters()
