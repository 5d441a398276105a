"""Parameters of small_clip."""

from chajong.members.clip.parameters import SmallClipParameters
from chajong.parameters import Seeded


class SmallClipPipelineParameters(Seeded):
    """The small CLIP's sizes.

    Attributes:
        model: Its towers and its tokenizer.
    """

    model: SmallClipParameters = SmallClipParameters()
