"""How trained backbones, with or without names, score new photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.backbone.member import restored_models
from chajong.members.trained.views import ask_views, log_probability_views
from chajong.predictions.mixture import Mixture

if TYPE_CHECKING:
    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import ByFold, NewPhotos


class BackboneScorer:
    """Trained classifiers whose answers need nothing but a temperature; see `Scorer`."""

    def __init__(self, checkpoint: Checkpoint, classes: pd.DataFrame) -> None:
        """Build the fold models."""
        parameters, models = restored_models(checkpoint, classes)
        self._views = {
            fold: log_probability_views(model, parameters) for fold, model in models.items()
        }
        self._mixture = Mixture((1 / checkpoint.configuration["temperature"],))

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`."""
        return {
            fold: self._mixture.log_probabilities([ask_views(views, photos)])
            for fold, views in self._views.items()
        }
