"""How trained backbones, with or without names, score new photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.encoders.backends import choose_backends
from chajong.encoders.extraction import encode_by_each
from chajong.members.backbone.member import pooled_views, restored_models
from chajong.predictions.contract import normalise_log

if TYPE_CHECKING:
    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import ByFold, NewPhotos


class BackboneScorer:
    """Trained classifiers pooled with discriminants on their features; see `Scorer`."""

    def __init__(self, checkpoint: Checkpoint, classes: pd.DataFrame) -> None:
        """Build the fold models."""
        parameters, models = restored_models(checkpoint, classes)
        choose_backends(models.values())
        self._views = {fold: pooled_views(model, parameters) for fold, model in models.items()}

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`."""
        scores = encode_by_each(photos.contents, photos.store, self._views)
        return {fold: normalise_log(of_fold) for fold, of_fold in scores.items()}
