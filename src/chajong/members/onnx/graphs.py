"""What is exported to ONNX, as modules that a trace can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize

from chajong.members.heads.fitted import VOTE_FLOOR, NeighbourHead, PooledHead
from chajong.members.heads.normalisation import normalise_features

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from chajong.encoders.views import ViewAverage
    from chajong.members.heads.fitted import FittedHead
    from chajong.members.heads.search import FoldModel


class HeadGraph(torch.nn.Module):
    """A light head with its normalisation and temperature."""

    def __init__(self, model: FoldModel) -> None:
        """Take a fold's model."""
        super().__init__()
        self._model = model
        self._score = _traceable(model.head)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features, float32 [n, width], into log-probabilities [n, classes]."""
        model = self._model
        normalised = normalise_features(features, model.signed_square_root, model.l2)
        return torch.log_softmax(self._score(normalised) / model.temperature, dim=1)


def _traceable(head: FittedHead) -> Callable[[Tensor], Tensor]:
    """Give what scores as a head does; numbers that shape the graph are read before the trace."""
    if isinstance(head, NeighbourHead):
        settings = head.settings.tolist()
        return lambda features: _votes(head, settings, features)
    if isinstance(head, PooledHead):
        parts = [_traceable(part) for part in head.heads]
        shares = head.shares.tolist()

        def pooled(features: Tensor) -> Tensor:
            scored = [share * part(features) for share, part in zip(shares, parts, strict=True)]
            return torch.stack(scored).sum(0)

        return pooled
    return head.scores


def _votes(head: NeighbourHead, settings: Sequence[float], features: Tensor) -> Tensor:
    """Score as the head does, in one part and with plain numbers, as a graph needs them."""
    neighbours, classes, sharpness = settings
    whitened = normalize((features - head.centre) @ head.projection, dim=1)
    cosines, nearest = (whitened @ head.photos.T).topk(min(int(neighbours), len(head.photos)))
    votes = (cosines / sharpness).softmax(1)
    counted = features.new_zeros(features.shape[0], int(classes))
    return (counted.scatter_add(1, head.labels[nearest], votes) + VOTE_FLOOR).log()


class PhotoGraph(torch.nn.Module):
    """A network that is asked about zooms and mirror images of a photo."""

    def __init__(
        self, network: torch.nn.Module, views: ViewAverage, temperature: float | None = None
    ) -> None:
        """Take what is asked.

        Args:
            network: Holds the weights.
            views: Asks it.
            temperature: Of log-probabilities; features have none.
        """
        super().__init__()
        self.network = network
        self._views = views
        self._temperature = temperature

    def forward(self, photos: Tensor) -> Tensor:
        """Turn photos, uint8 [n, zooms, 3, height, width], into answers [n, answers]."""
        answers = self._views.answers(photos)
        if self._temperature is None:
            return answers
        return torch.log_softmax(answers / self._temperature, dim=1)
