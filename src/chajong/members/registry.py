"""Every kind of member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.members.kinds.backbone import BackboneKind
from chajong.members.kinds.clip import ClipKind
from chajong.members.kinds.concat import ConcatKind
from chajong.members.kinds.frozen import FrozenKind
from chajong.members.kinds.fusion import FusionKind
from chajong.members.kinds.vlm import VlmKind
from chajong.members.kinds.zero_shot import ZeroShotKind

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
        CheckpointError: The checkpoint does not say, because an earlier version wrote it.
    """
    from chajong.members.checkpoint import CheckpointError

    name = checkpoint.configuration.get("kind")
    if name not in KINDS:
        message = (
            f"The checkpoint of {member!r} does not say of which kind it is: an earlier version of "
            f"chajong wrote it. Make it anew with `kedro run --namespaces {member}`."
        )
        raise CheckpointError(message)
    return KINDS[name]
