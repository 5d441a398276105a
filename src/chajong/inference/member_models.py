"""The models of every member, built from checkpoints, and what they say about new photos."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from chajong.members.checkpoint import check_class_names
from chajong.members.registry import kind_of
from chajong.predictions.contract import effective_class_names, normalise_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import ByFold, FeatureScorer, Scorer
    from chajong.photos.store import PhotoStore


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
        self._scorers: dict[str, Scorer] = {}

    def scorer(self, member: str) -> Scorer:
        """Give what scores photos as a member's fold models do.

        Raises:
            CheckpointError: The checkpoint is of other classes or of no known kind, or a model
                does not reproduce the scores that were saved with it.
        """
        if member not in self._scorers:
            checkpoint = self.checkpoints[member]
            check_class_names(checkpoint, effective_class_names(self.classes))
            kind = kind_of(member, checkpoint)
            self._scorers[member] = kind.scorer(member, checkpoint, self.classes)
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
        """Give a member's features, of an encoder or of several joined, float32 [photos, width]."""
        if member not in self._features:
            scorer = cast("FeatureScorer", self._models.scorer(member))
            self._features[member] = scorer.features(self)
        return self._features[member]

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
        others = configurations[waiting.pop()]["builds_on"]
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
    return all(can_answer(other, configurations) for other in configurations[member]["builds_on"])
