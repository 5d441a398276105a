"""What is exported to ONNX, as modules that a trace can follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import torch

from chajong.members.heads.fitted import VOTE_FLOOR, NeighbourHead

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from chajong.encoders.views import ViewAverage
    from chajong.members.heads.fitted import FittedHead
    from chajong.members.heads.fold_model import FoldModel
    from chajong.photos.resizing import Preparation


class HeadGraph(torch.nn.Module):
    """The light heads of a fold with their normalisation, whitening and weights."""

    def __init__(self, model: FoldModel) -> None:
        """Take a fold's model."""
        super().__init__()
        heads = {kind: _traceable(head) for kind, head in model.heads.items()}
        self._model = replace(model, heads=heads)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features, float32 [n, width], into log-probabilities [n, classes]."""
        weights, scores = self._model.mixture.weights, self._model.scores(features)
        mixed = torch.stack([w * score for w, score in zip(weights, scores, strict=True)]).sum(0)
        return torch.log_softmax(mixed, dim=1)


def _traceable(head: FittedHead) -> FittedHead:
    return NeighbourGraph(head) if isinstance(head, NeighbourHead) else head


class NeighbourGraph:
    """Scores as a `NeighbourHead` does, in one part and with plain numbers, as a graph needs it."""

    whitens: ClassVar[bool] = NeighbourHead.whitens

    def __init__(self, head: NeighbourHead) -> None:
        """Read the numbers that shape the graph, before the trace."""
        neighbours, classes, self._sharpness = head.settings.tolist()
        self._neighbours, self._classes = min(int(neighbours), len(head.photos)), int(classes)
        self._head = head

    def scores(self, seen: Tensor) -> Tensor:
        """Score photos [photos, dimensions] as [photos, classes]."""
        cosines, nearest = (seen @ self._head.photos.float().T).topk(self._neighbours)
        votes = (cosines / self._sharpness).softmax(1)
        counted = seen.new_zeros(seen.shape[0], self._classes)
        return (counted.scatter_add(1, self._head.labels[nearest], votes) + VOTE_FLOOR).log()

    def tensors(self) -> dict[str, Tensor]:
        """See `FittedHead`."""
        return self._head.tensors()


class PhotoGraph(torch.nn.Module):
    """A network that is asked about zooms and mirror images of a photo."""

    def __init__(
        self, network: torch.nn.Module, views: ViewAverage, *, normalised: bool = False
    ) -> None:
        """Take what is asked.

        Args:
            network: Holds the weights.
            views: Asks it.
            normalised: Whether the answers are scores that become log-probabilities.
        """
        super().__init__()
        self.network = network
        self._views = views
        self._normalised = normalised

    def forward(self, photos: Tensor) -> Tensor:
        """Turn photos, uint8 [n, zooms, 3, height, width], into answers [n, answers]."""
        answers = self._views.answers(photos)
        return torch.log_softmax(answers, dim=1) if self._normalised else answers


class MemberGraph(torch.nn.Module):
    """A whole member, from photos to its answer: the renormalised mean of its fold models'."""

    def __init__(
        self,
        folds: Iterable[torch.nn.Module],
        preparation: Preparation,
        encoder: torch.nn.Module | None = None,
    ) -> None:
        """Take what is asked.

        Args:
            folds: Each gives log-probabilities.
            preparation: How photos become the input.
            encoder: What it sees of photos; None where fold models see them themselves.
        """
        super().__init__()
        self._folds = torch.nn.ModuleList(folds)
        self._encoder = encoder
        self.preparation = preparation

    def forward(self, photos: Tensor) -> Tensor:
        """Turn photos, uint8 [n, zooms, 3, height, width], into log-probabilities [n, classes]."""
        seen = photos if self._encoder is None else self._encoder(photos)
        answers = torch.stack([fold(seen) for fold in self._folds])
        return torch.log_softmax(answers.mean(0), dim=1)
