"""The three ways in which a photo's features and the names of the classes become logits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import gelu, normalize, softplus

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.members.backbone.parameters import Mode

WIDTH = 128
"""Length of projected photo and name embeddings, and of the hidden layer over both."""

NAME_WEIGHT = 0.5
"""How much a name counts beside the photos of its class before training."""

SCALE = 16.0
"""Logits of a cosine before training: enough to be sure of one of several hundred classes."""


class PlainScores(torch.nn.Module):
    """The linear classifier's logits, whatever the names say."""

    def forward(self, features: Tensor, head: torch.nn.Linear) -> Tensor:
        """Score features [n, d] against every class; see `scoring_of`."""
        logits: Tensor = head(features)
        return logits


class ConcatenatedScores(torch.nn.Module):
    """The linear classifier's logits plus a small network's score of every photo beside every name.

    For photo x and name t_c the score is u · GELU(W [GELU(P x); GELU(Q t_c)] + b). W splits into a
    part for photos and one for names, so each is applied once to n photos or to all classes, and
    only their sum has the shape [n, classes, hidden]. u starts at zero: before training the logits
    are the linear classifier's.
    """

    embeddings: Tensor

    def __init__(self, feature_count: int, embeddings: Tensor) -> None:
        """Initialise at random, the last layer from zero.

        Args:
            feature_count: Features of a photo.
            embeddings: Embedded names [classes, d].
        """
        super().__init__()
        self.register_buffer("embeddings", embeddings)
        self.project_photo = torch.nn.Linear(feature_count, WIDTH)
        self.project_name = torch.nn.Linear(embeddings.shape[1], WIDTH)
        self.hidden = torch.nn.Linear(2 * WIDTH, WIDTH)
        self.score = torch.nn.Linear(WIDTH, 1, bias=False)
        torch.nn.init.zeros_(self.score.weight)

    def forward(self, features: Tensor, head: torch.nn.Linear) -> Tensor:
        """Score features [n, d] against every class; see `scoring_of`."""
        of_photo, of_name = self.hidden.weight.chunk(2, dim=1)
        photos = gelu(self.project_photo(features)) @ of_photo.T + self.hidden.bias
        names = gelu(self.project_name(self.embeddings)) @ of_name.T
        scores: Tensor = self.score(gelu(photos[:, None] + names)).squeeze(2)
        plain: Tensor = head(features)
        return plain + scores


class WeightedScores(torch.nn.Module):
    """A photo's likeness to a class plus, by the class's own weight, its likeness to the name.

    The logit is s · (cos(x, v_c) + α_c · cos(x, MLP(t_c))) with v_c the linear classifier's weights
    of the class and α_c at least 0. The sum is used rather than cos(x, normalise(v_c + α_c
    MLP(t_c))): both likenesses stay in sight, and α_c says how much the name counts against the
    photos whatever the length of v_c is.
    """

    embeddings: Tensor

    def __init__(self, feature_count: int, embeddings: Tensor) -> None:
        """Initialise the names' network at random.

        Args:
            feature_count: Features of a photo.
            embeddings: Embedded names [classes, d].
        """
        super().__init__()
        self.register_buffer("embeddings", embeddings)
        self.describe = torch.nn.Sequential(
            torch.nn.Linear(embeddings.shape[1], WIDTH),
            torch.nn.GELU(),
            torch.nn.Linear(WIDTH, feature_count),
        )
        # softplus keeps weights positive; this is where it gives NAME_WEIGHT.
        raw = math.log(math.expm1(NAME_WEIGHT))
        self.raw_name_weights = torch.nn.Parameter(torch.full((len(embeddings),), raw))
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(SCALE)))

    def forward(self, features: Tensor, head: torch.nn.Linear) -> Tensor:
        """Score features [n, d] against every class; see `scoring_of`."""
        photos = normalize(features)
        visual = photos @ normalize(head.weight).T
        textual = photos @ normalize(self.describe(self.embeddings)).T
        return self.log_scale.exp() * (visual + softplus(self.raw_name_weights) * textual)


def scoring_of(mode: Mode, feature_count: int, embeddings: Tensor) -> torch.nn.Module:
    """Build what scores features [n, d] with a linear classifier's help, as logits [n, classes].

    Args:
        mode: Where names enter.
        feature_count: Features of a photo.
        embeddings: Embedded names [classes, d].
    """
    if mode == "concatenation":
        return ConcatenatedScores(feature_count, embeddings)
    if mode == "weighted":
        return WeightedScores(feature_count, embeddings)
    return PlainScores()
