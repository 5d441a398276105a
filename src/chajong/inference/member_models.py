"""The models of every member, built from checkpoints, and what they say about new photos."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from chajong.encoders.building import build_encoder
from chajong.encoders.concatenation import join_matrices
from chajong.encoders.extraction import encode_all
from chajong.encoders.parameters import EncoderParameters
from chajong.predictions.contract import normalise_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from chajong.encoders.encoder import Encoder
    from chajong.inference.scorers import Scorer
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore

ByFold = dict[int, np.ndarray]
"""Log-probabilities float32 [photos, classes] of each fold's model."""


class MemberModels:
    """Builds each member's models when they are first asked, and keeps them."""

    def __init__(self, checkpoints: Mapping[str, Checkpoint], classes: pd.DataFrame) -> None:
        """Take the checkpoints; nothing is built yet.

        Args:
            checkpoints: By member, with those that other members build on.
            classes: The `classes` table that they were trained with.
        """
        self.checkpoints = checkpoints
        self.classes = classes
        self._encoders: dict[str, Encoder] = {}
        self._scorers: dict[str, Scorer] = {}

    def encoder(self, member: str) -> Encoder:
        """Give a frozen member's encoder."""
        if member not in self._encoders:
            made_by = self.checkpoints[member].configuration["made_by"]
            adapter: TypeAdapter[Any] = TypeAdapter(EncoderParameters)
            self._encoders[member] = build_encoder(adapter.validate_python(made_by["encoder"]))
        return self._encoders[member]

    def scorer(self, member: str) -> Scorer:
        """Give what scores photos as a member's fold models do.

        Raises:
            CheckpointError: A model does not reproduce the scores that were saved with it.
        """
        from chajong.inference.scorers import build_scorer

        if member not in self._scorers:
            self._scorers[member] = build_scorer(member, self.checkpoints[member], self.classes)
        return self._scorers[member]


class PhotoAnswers:
    """What members say about some photos; each is asked at most once."""

    def __init__(self, models: MemberModels, contents: Sequence[str], store: PhotoStore) -> None:
        """Remember what is asked about.

        Args:
            models: The members.
            contents: sha-256 of each photo, at least one.
            store: The photos.
        """
        self.contents = tuple(contents)
        self.store = store
        self._models = models
        self._features: dict[str, np.ndarray] = {}
        self._by_fold: dict[str, ByFold] = {}

    @cached_property
    def classes(self) -> int:
        """Number of effective classes."""
        return int(self._models.classes["effective_class"].nunique())

    def features(self, member: str) -> np.ndarray:
        """Give the features of a frozen member, or of several joined, float32 [photos, width]."""
        if member not in self._features:
            made_by = self._models.checkpoints[member].configuration["made_by"]
            if "members" in made_by:
                blocks = [self.features(each) for each in made_by["members"]]
                self._features[member] = join_matrices(blocks)
            else:
                self._features[member] = self._encoded(member)
        return self._features[member]

    def _encoded(self, member: str) -> np.ndarray:
        """Encode the photos, and round the features as those of the training photos were."""
        encoder = self._models.encoder(member)
        matrix = encode_all(self.contents, self.store, encoder)
        precision = self._models.checkpoints[member].configuration["precision"]
        return matrix.astype(precision).astype(np.float32)

    def by_fold(self, member: str) -> ByFold:
        """Give what each of a member's fold models says."""
        if member not in self._by_fold:
            self._by_fold[member] = self._models.scorer(member)(self)
        return self._by_fold[member]

    def of(self, member: str) -> np.ndarray:
        """Give the renormalised mean log-probability of a member's fold models.

        Returns:
            float32 [photos, classes].
        """
        by_fold = self.by_fold(member)
        total = np.zeros((len(self.contents), self.classes))
        for fold in sorted(by_fold):
            total += by_fold[fold]
        return normalise_log(total / len(by_fold))


def members_needed(members: Sequence[str], configurations: Mapping[str, Any]) -> tuple[str, ...]:
    """List members with those that they build on: encoders, and who gives hints.

    Args:
        members: The members wanted.
        configurations: Of every member's checkpoint.

    Returns:
        Each once, those wanted first.
    """
    found = dict.fromkeys(members)
    waiting = list(members)
    while waiting:
        others = _built_on(configurations[waiting.pop()])
        waiting += [other for other in others if other not in found]
        found |= dict.fromkeys(others)
    return tuple(found)


def can_answer(member: str, configurations: Mapping[str, Any]) -> bool:
    """Tell whether a member, and all that it builds on, can be asked about new photos.

    Args:
        member: Its name; a table of others has no checkpoint.
        configurations: Of every checkpoint.
    """
    if member not in configurations:
        return False
    return all(can_answer(other, configurations) for other in _built_on(configurations[member]))


def _built_on(configuration: Mapping[str, Any]) -> list[str]:
    others = list(configuration.get("made_by", {}).get("members", ()))
    hinting = configuration.get("hinting_member")
    return [*others, hinting] if hinting else others
