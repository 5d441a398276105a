"""Every kind of member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chajong.members.kinds.backbone import BackboneKind
from chajong.members.kinds.clip import ClipKind
from chajong.members.kinds.concat import ConcatKind
from chajong.members.kinds.frozen import FrozenKind
from chajong.members.kinds.fusion import FusionKind
from chajong.members.kinds.vlm import VlmKind
from chajong.members.kinds.zero_shot import ZeroShotKind
from chajong.parameters import first_problem

if TYPE_CHECKING:
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import Kind

KINDS: dict[str, Kind[Any]] = {
    kind.name: kind
    for kind in (
        FrozenKind(),
        ConcatKind(),
        ZeroShotKind(),
        ClipKind(),
        BackboneKind(),
        FusionKind(),
        VlmKind(),
    )
}
"""Kinds by name."""


def kind_of(member: str, checkpoint: Checkpoint) -> Kind[Any]:
    """Give the kind of the member that a checkpoint is of.

    Raises:
        CheckpointError: The checkpoint does not say, because an earlier version wrote it, or its
            configuration is not one of that kind.
    """
    from chajong.members.checkpoint import CheckpointError

    name = checkpoint.configuration.get("kind")
    if name not in KINDS:
        message = (
            f"The checkpoint of {member!r} does not say of which kind it is: an earlier version of "
            f"chajong wrote it. Make it anew with `kedro run --namespaces {member}`."
        )
        raise CheckpointError(message)
    try:
        KINDS[name].configuration(**checkpoint.configuration)
    except ValidationError as error:
        message = (
            f"The configuration of the checkpoint of {member!r} is not one of a {name} member "
            f"({first_problem(error)}): it was changed, or another version of chajong wrote it. "
            f"Make it anew with `kedro run --namespaces {member}`."
        )
        raise CheckpointError(message) from error
    return KINDS[name]
