"""How light heads score new photos, and where the features for it come from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chajong.encoders.building import build_encoder, saved_encoder
from chajong.encoders.concatenation import join_matrices
from chajong.encoders.extraction import encode_all
from chajong.members.heads.checkpoint import fold_models

if TYPE_CHECKING:
    from chajong.encoders.encoder import Encoder
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import ByFold, NewPhotos


class FeatureSource(Protocol):
    """Gives features of new photos as those of the training photos were made."""

    def __call__(self, photos: NewPhotos) -> np.ndarray:
        """Give float32 [photos, width]."""


class EncoderFeatures:
    """Features of one frozen encoder, which is built when photos come."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read which encoder it is."""
        self._configuration = checkpoint.configuration

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder."""
        return build_encoder(saved_encoder(self._configuration["made_by"]["encoder"]))

    def __call__(self, photos: NewPhotos) -> np.ndarray:
        """Encode the photos, and round the features as those of the training photos were."""
        matrix = encode_all(photos.contents, photos.store, self.encoder)
        return matrix.astype(self._configuration["precision"]).astype(np.float32)


class JoinedFeatures:
    """Features of other members side by side."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read whose features they are."""
        self._members = checkpoint.configuration["builds_on"]

    def __call__(self, photos: NewPhotos) -> np.ndarray:
        """See `FeatureSource`."""
        return join_matrices([photos.features(member) for member in self._members])


class HeadsScorer:
    """Light heads on features; see `chajong.members.kind.Scorer`."""

    def __init__(self, member: str, checkpoint: Checkpoint, features: FeatureSource) -> None:
        """Build the heads.

        Args:
            member: The member's name.
            checkpoint: Its checkpoint.
            features: Gives the features that the heads read.
        """
        self.features = features
        self._member = member
        self._models = fold_models(checkpoint)

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`."""
        import torch

        features = torch.from_numpy(photos.features(self._member))
        return {fold: model.log_probabilities(features) for fold, model in enumerate(self._models)}
