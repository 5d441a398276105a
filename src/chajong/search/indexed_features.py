"""Which encoder's features are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chajong.encoders.features import content_of
from chajong.search.filters import SearchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class IndexedFeatures:
    """Features to be searched, and what makes the same of a query.

    Attributes:
        member: The frozen member.
        features: Of every readable photo.
        encoder: The encoder's parameters as JSON values.
    """

    member: str
    features: Features
    encoder: dict[str, Any]

    @property
    def reads_words(self) -> bool:
        """Whether the encoder's model has a text tower."""
        return bool(self.encoder["library"] == "open_clip")


def indexed_features(
    features: Mapping[str, Features],
    checkpoints: Mapping[str, Checkpoint],
    photos: pd.DataFrame,
    wanted: str | None,
) -> IndexedFeatures:
    """Choose the member named, else the first that reads words, else the first.

    Args:
        features: By member.
        checkpoints: By member.
        photos: The `photos` table; features of other photos do not count.
        wanted: A member, or None.

    Raises:
        SearchError: There are no such features.
    """
    content = content_of(photos)
    made_by = {name: each.configuration["made_by"] for name, each in checkpoints.items()}
    found = [
        IndexedFeatures(member, block, made_by[member]["encoder"])
        for member, block in features.items()
        if block.content == content and "encoder" in made_by.get(member, {})
    ]
    usable = [each for each in found if wanted in (None, each.member)]
    if not usable:
        have = ", ".join(each.member for each in found) or "none"
        message = (
            f"{wanted or 'No frozen member'} has no features of these photos to search in "
            f"(those that have: {have}): run feature_extraction, or change `search.encoder`."
        )
        raise SearchError(message)
    return min(usable, key=lambda each: not each.reads_words)
