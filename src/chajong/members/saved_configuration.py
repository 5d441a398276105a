"""What the configuration of a checkpoint says, by kind of member; nothing else may stand there.

A checkpoint may come from elsewhere. What is missing, unknown or out of range is refused when it is
read, and not found out by answers that are off.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from chajong.encoders.parameters import HogParameters, read_encoder
from chajong.encoders.weights import BASE
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.clip.parameters import ClipParameters
from chajong.members.heads.parameters import HeadName
from chajong.members.proof import Arithmetic
from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters
from chajong.parameters import Strict

Finite = Annotated[float, Field(allow_inf_nan=False)]
Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MERGED = ("member_weight", "answer_weight")
"""What is fitted where answers are merged with another member's."""

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class SavedMember(Strict):
    """What every checkpoint says.

    Attributes:
        kind: The kind of the member.
        builds_on: The members that are asked, too.
        class_names: The effective classes, in the order of the scores.
        proof_photos: The photos whose scores are kept.
        computed: How these were computed; earlier versions did not say.
    """

    kind: str
    builds_on: tuple[str, ...]
    class_names: Names
    proof_photos: Names
    computed: Arithmetic | None = None


class SavedFeatures(Strict):
    """How features are made; see `chajong.members.heads.checkpoint.heads_checkpoint`."""

    title: str
    name_model: str
    name_revision: str
    encoder: dict[str, Any] | None = None

    @field_validator("encoder")
    @classmethod
    def _check_encoder(cls, encoder: dict[str, Any] | None) -> dict[str, Any] | None:
        if encoder is None:
            return None
        parameters = read_encoder({key: value for key, value in encoder.items() if key != BASE})
        if not isinstance(parameters, HogParameters) and not encoder.get(BASE):
            raise ValueError(f"the encoder's weights are not identified by {BASE!r}")
        return encoder


class SavedHeads(SavedMember):
    """Light heads on features."""

    head: str
    pool: Annotated[dict[HeadName, Temperature], Field(min_length=1)]
    folds: Annotated[int, Field(ge=1)]
    signed_square_root: bool
    l2: bool
    encoder: str
    made_by: SavedFeatures
    precision: Literal["float16", "float32"]
    encoded_on: str


class SavedTrained(SavedMember):
    """Fold models that were trained; earlier versions wrote the precision of their scores."""

    folds: Annotated[tuple[int, ...], Field(min_length=1)]
    contract: str
    precision: str | None = None


class SavedZeroShot(SavedTrained):
    """A CLIP model that is asked alone."""

    model: ClipParameters
    temperature: Temperature


class SavedClip(SavedTrained):
    """CLIP models that compare photos with names and with training photos.

    Attributes:
        wise_ft_alpha: The share of the trained weights.
        interpolated: Whether the weights are kept at that share, as by earlier versions, or as
            training left them.
    """

    model: ClipParameters
    training: str
    wise_ft_alpha: Finite
    interpolated: bool = True
    evidence: dict[str, Finite]


class SavedBackbone(SavedTrained):
    """Trained image classifiers, pooled with discriminants on their features."""

    model: BackboneParameters
    training: str
    evidence: dict[Literal["classifier", "discriminant"], Temperature]


class SavedFusion(SavedBackbone):
    """Trained image classifiers that know names."""

    model: FusionParameters


class SavedQuestion(Strict):
    """What a photo was asked, and about which classes."""

    prompt: str
    candidates: tuple[int, ...]


class SavedVlm(SavedTrained):
    """Adapters of a vision-language model."""

    model: VlmClassifierParameters
    training: str | None
    base: dict[Literal["model", "weights", "quantisation"], str]
    names: Names
    fitted: dict[str, Any]
    hints: HintsParameters
    proof_questions: Annotated[tuple[SavedQuestion, ...], Field(min_length=1)]

    @field_validator("fitted")
    @classmethod
    def _check_fitted(cls, fitted: dict[str, Any]) -> dict[str, Any]:
        if not ({"answer_temperature"} <= fitted.keys() or set(MERGED) <= fitted.keys()):
            raise ValueError(f"it has neither answer_temperature nor {' and '.join(MERGED)}")
        return fitted
