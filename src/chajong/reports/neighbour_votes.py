"""What class a photo's nearest neighbours say it is, its own near-duplicates not asked.

A photo with a wrong label must not vouch for itself, and neither may its near-duplicates, which
carry the same label: photos of one group are never each other's neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

NEIGHBOURS = 20
SHARPNESS = 0.1
"""Difference in similarity over which a vote falls by a factor e."""

PHOTOS_AT_ONCE = 1_024
RIDGE = 3.0
"""Added to the variance of every direction, in units of the mean variance."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest photos of other groups, the nearest first.

    Attributes:
        positions: int64 [photos, neighbours], -1 where there is none.
        similarity: float32 of the same shape, mean cosine over the encoders, 0 where there is none.
    """

    positions: np.ndarray
    similarity: np.ndarray


def comparable_directions(features: np.ndarray) -> np.ndarray:
    """Make cosines between photos meaningful, without a look at labels.

    Power-normalised and centred features are shrunk along the directions in which all photos vary
    most (pose, background), as in Jégou and Chum, "Negative evidences and co-occurences in image
    retrieval" (ECCV 2012); the ridge keeps directions of pure noise small.

    Args:
        features: float32 [photos, width], one encoder's.

    Returns:
        float32 [photos, directions], rows of length 1 (zero where a photo is the mean photo).

    Raises:
        ValueError: A feature is not finite.
    """
    import torch
    from torch.nn.functional import normalize

    from chajong.members.heads.normalisation import normalise_features
    from chajong.members.heads.whitening import (
        evenly_spread,
        is_wide,
        leading_directions,
        principal_directions,
    )

    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"The features of row {row} are not all finite: extract them again.")
    rows = normalise_features(torch.tensor(features), signed_square_root=True, l2=True)
    rows -= rows.mean(0)
    if is_wide(*rows.shape):
        rows = rows @ leading_directions(rows[evenly_spread(len(rows))])
    variances, directions = principal_directions(rows)
    ridge = RIDGE * variances.sum() / features.shape[1]
    scales = (variances + ridge.clamp_min(torch.finfo().tiny)).rsqrt()
    found: np.ndarray = normalize(rows @ (directions * scales), dim=1).numpy()
    return found


def nearest_neighbours(
    directions: Sequence[np.ndarray],
    groups: np.ndarray,
    may_vote: np.ndarray,
    count: int = NEIGHBOURS,
    photos_at_once: int = PHOTOS_AT_ONCE,
) -> Neighbours:
    """Find each photo's nearest photos outside its group.

    Photos are compared in blocks; the largest takes 4 bytes times `photos_at_once` times photos.

    Args:
        directions: One array an encoder, at least one, from `comparable_directions`.
        groups: int [photos].
        may_vote: bool [photos], whether a photo may be a neighbour (its label counts).
        count: How many neighbours are sought.
        photos_at_once: Rows of a block.

    Returns:
        The neighbours of every photo, fewer where too few photos are of other groups.
    """
    import torch

    voters = np.flatnonzero(may_vote)
    asked = [torch.from_numpy(rows) for rows in directions]
    voting = [rows[torch.from_numpy(voters)] for rows in asked]
    size = min(count, len(voters))
    positions = np.full((len(groups), size), -1)
    similarity = np.zeros((len(groups), size), np.float32)
    for start in range(0, len(groups), photos_at_once):
        block = slice(start, start + photos_at_once)
        cosines = asked[0][block] @ voting[0].T
        for rows, others in zip(asked[1:], voting[1:], strict=True):
            cosines.addmm_(rows[block], others.T)
        own = groups[block, None] == groups[None, voters]
        cosines.div_(len(asked)).masked_fill_(torch.from_numpy(own), -torch.inf)
        nearest, places = cosines.topk(size)
        found = nearest.isfinite().numpy()
        positions[block][found] = voters[places.numpy()[found]]
        similarity[block][found] = nearest.numpy()[found]
    return Neighbours(positions, similarity)


def neighbour_votes(neighbours: Neighbours, labels: np.ndarray, class_count: int) -> np.ndarray:
    """Let the neighbours vote, the nearest with one vote and others with less.

    One more vote is shared by all classes, so that none is impossible and a photo without
    neighbours says nothing.

    Args:
        neighbours: Of every photo.
        labels: int [photos].
        class_count: Number of classes.

    Returns:
        Class probabilities, float32 [photos, classes].
    """
    found = neighbours.positions >= 0
    below = neighbours.similarity - neighbours.similarity[:, :1]
    weights = np.where(found, np.exp(below / SHARPNESS), 0).astype(np.float32)
    votes = np.full((len(labels), class_count), 1 / class_count, np.float32)
    rows = np.broadcast_to(np.arange(len(labels))[:, None], found.shape)
    np.add.at(votes, (rows[found], labels[neighbours.positions[found]]), weights[found])
    shares: np.ndarray = votes / votes.sum(axis=1, keepdims=True)
    return shares


def label_agreement(neighbours: Neighbours, labels: np.ndarray) -> np.ndarray:
    """Return the share of each photo's neighbours that carry its label.

    Args:
        neighbours: Of every photo.
        labels: int [photos].

    Returns:
        float64 [photos], NaN for a photo without neighbours.
    """
    found = neighbours.positions >= 0
    agreeing = (labels[neighbours.positions] == labels[:, None]) & found
    counts = found.sum(axis=1)
    share: np.ndarray = np.where(counts, agreeing.sum(axis=1) / np.maximum(counts, 1), np.nan)
    return share
