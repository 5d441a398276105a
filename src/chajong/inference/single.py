"""One member of an ensemble by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chajong.ensembling.family_temperature import NO_FAMILY_TEMPERATURES
from chajong.ensembling.pools.pool import Pool
from chajong.inference.member_models import members_needed
from chajong.inference.saved import SavedEnsembleError

if TYPE_CHECKING:
    from chajong.inference.ensemble import Ensemble


def single_member(ensemble: Ensemble, member: str) -> Ensemble:
    """Answer as one member alone: the mean of its fold models, as its test predictions are pooled.

    Args:
        ensemble: The ensemble.
        member: A member that is saved with it.

    Raises:
        SavedEnsembleError: There is no such member.
    """
    if member not in ensemble.checkpoints:
        saved = ", ".join(ensemble.checkpoints)
        message = f"The saved ensemble has no member {member!r}: name one of {saved}."
        raise SavedEnsembleError(message)
    configurations = {name: each.configuration for name, each in ensemble.checkpoints.items()}
    needed = members_needed([member], configurations)
    return replace(
        ensemble,
        members=(member,),
        pool=Pool("uniform", (1.0,)),
        families=NO_FAMILY_TEMPERATURES,
        checkpoints={name: ensemble.checkpoints[name] for name in needed},
        kept=ensemble.kept.alone(member),
    )
