"""Several members' features side by side under a light head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from chajong.members.heads.kind import EXTRACTED, FITTED, HeadsKind
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.kind import Reference, Step
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedHeads, SavedMember

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import Sample, Speeds
    from chajong.members.heads.scorer import HeadsScorer
    from chajong.members.kind import Report


class ConcatParameters(MemberParameters):
    """Several encoders' features side by side under a light head.

    Attributes:
        encoders: Frozen members whose features are joined; all of them where none is named.
        heads: Which heads are tried; the best of each kind are pooled.
    """

    kind: Literal["concat"]
    encoders: tuple[str, ...] = Field(min_length=1)
    heads: HeadsParameters = HeadsParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return "joined features"


class ConcatKind(HeadsKind):
    """See the module."""

    name = "concat"
    parameters: ClassVar[type[MemberParameters]] = ConcatParameters
    configuration: ClassVar[type[SavedMember]] = SavedHeads

    def steps(self, parameters: ConcatParameters) -> tuple[Step, ...]:
        """See `Kind`."""
        return (
            Step("join_features", self.join, EXTRACTED),
            Step("fit_heads", self.predict, FITTED),
        )

    def references(self, parameters: ConcatParameters) -> dict[str, Reference]:
        """See `Kind`."""
        return {
            member: Reference(member, "features", "encoders", ("frozen",))
            for member in parameters.encoders
        }

    def completed(self, block: Report, blocks: Mapping[str, Any]) -> Report:
        """See `Kind`."""
        frozen = sorted(
            name
            for name, other in blocks.items()
            if isinstance(other, dict) and other.get("kind") == "frozen"
        )
        return {"encoders": frozen, **block}

    def join(self, photos: pd.DataFrame, **features: Features) -> tuple[Features, Report]:
        """Set the features of several encoders side by side.

        Args:
            photos: The `photos` table.
            features: Each encoder's features.

        Returns:
            The joined features, and what it cost to make them (nothing: the encoders' own reports
            say what they cost).

        Raises:
            ValueError: Features are of other photos.
        """
        from chajong.encoders.concatenation import join_encoders

        return join_encoders(photos, features), {"seconds": 0.0}

    def made_by(self, parameters: ConcatParameters) -> Report:
        """See `HeadsKind`; the members are known by `builds_on`."""
        return {}

    def speeds(self, parameters: ConcatParameters, sample: Sample) -> Speeds:
        """See `Kind`; the heads are as fast as those of the slowest encoder."""
        theirs = [sample.speeds[member] for member in parameters.encoders]
        return {
            "fitting": max(each["fitting"] for each in theirs),
            "width": sum(each["width"] for each in theirs),
        }

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> HeadsScorer:
        """See `Kind`."""
        from chajong.members.heads.scorer import HeadsScorer, JoinedFeatures

        return HeadsScorer(member, checkpoint, JoinedFeatures(checkpoint))
