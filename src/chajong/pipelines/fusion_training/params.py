"""Parameters of fusion_training."""

from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.parameters import Seeded
from chajong.training.parameters import TrainingParameters


class BackboneMemberParameters(Seeded):
    """A fine-tuned image classifier.

    Attributes:
        enabled: Whether this run computes the member.
        model: Which backbone, from which weights.
        training: How it is trained.
    """

    enabled: bool = False
    model: BackboneParameters = BackboneParameters(model="tf_efficientnet_lite0")
    training: TrainingParameters = TrainingParameters()


class FusionMemberParameters(Seeded):
    """A fine-tuned image classifier that knows the names of the classes.

    Attributes:
        enabled: Whether this run computes the member.
        model: Which backbone, from which weights, and where names enter.
        training: How it is trained.
    """

    enabled: bool = False
    model: FusionParameters = FusionParameters(model="tf_efficientnet_lite0")
    training: TrainingParameters = TrainingParameters()
