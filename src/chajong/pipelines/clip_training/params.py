"""Parameters of clip_training."""

from chajong.members.clip.parameters import ClipParameters
from chajong.parameters import Seeded
from chajong.training.parameters import TrainingParameters

DEFAULT = ClipParameters(library="open_clip", model="ViT-B-32-quickgelu", weights="openai")


class ClipMemberParameters(Seeded):
    """A CLIP model that is trained end to end.

    Attributes:
        enabled: Whether this run computes the member.
        model: Which model, from which weights, and what it learns and predicts.
        training: How it is trained.
    """

    enabled: bool = False
    model: ClipParameters = DEFAULT
    training: TrainingParameters = TrainingParameters()


class ZeroShotParameters(Seeded):
    """A CLIP model that is not trained: photos are compared with the names of the classes.

    Attributes:
        enabled: Whether this run computes the member.
        model: Which model, with which weights.
    """

    enabled: bool = False
    model: ClipParameters = DEFAULT
