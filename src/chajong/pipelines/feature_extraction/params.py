"""Parameters of feature_extraction."""

from chajong.encoders.parameters import EncoderParameters, HogParameters
from chajong.members.heads.parameters import HeadsParameters
from chajong.parameters import Seeded, Strict
from chajong.predictions.members import FROZEN_MEMBERS


class _MemberParameters(Strict):
    enabled: bool = False
    heads: HeadsParameters = HeadsParameters()


class EncoderMemberParameters(_MemberParameters, Seeded):
    """One frozen encoder under a light head.

    Attributes:
        enabled: Whether this run computes the member.
        required: Whether a run stops where published weights can be neither fetched nor found in
            the cache; else the member is left out, and the run says so.
        encoder: Which encoder, of which library, with which weights.
        heads: Which heads are tried; the one with the lowest inner log loss is the member.
    """

    required: bool = True
    encoder: EncoderParameters = HogParameters()


class ConcatenationParameters(_MemberParameters):
    """Several encoders' features side by side under a light head.

    Attributes:
        enabled: Whether this run computes the member.
        encoders: Members whose features are joined; those without features are left out.
        heads: Which heads are tried; the one with the lowest inner log loss is the member.
    """

    encoders: tuple[str, ...] = FROZEN_MEMBERS
