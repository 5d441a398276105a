"""Three kinds of evidence from embeddings: class names, photo prototypes and neighbours.

All functions take embeddings of length 1. A photo must not be evidence about itself: for rows out
of fold give only photos of the other folds as training photos, so that no photo can be part of its
own prototype or its own neighbour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.heads.fitted import PHOTOS_AT_ONCE, VOTE_FLOOR
from chajong.members.heads.whitening import class_means

if TYPE_CHECKING:
    from torch import Tensor


def name_scores(photos: Tensor, names: Tensor) -> Tensor:
    """Compare photos with the names of the classes.

    Args:
        photos: float32 [photos, dimensions].
        names: float32 [classes, dimensions].

    Returns:
        Cosines, float32 [photos, classes].
    """
    return photos @ names.T


def prototype_scores(
    photos: Tensor, train_photos: Tensor, labels: Tensor, class_count: int, by_name: Tensor
) -> Tensor:
    """Compare photos with the mean direction of each class's training photos.

    A class without training photos is scored by its name. Photos and names lie in different parts
    of the space (Liang et al., Mind the Gap, NeurIPS 2022), so that a cosine to a name is far
    smaller than one to a prototype and such a class would never win. Each photo's cosines to names
    are therefore raised by one number, which gives both kinds the same mean over the classes that
    have photos. Their spread stays that of names.

    Args:
        photos: float32 [photos, dimensions].
        train_photos: float32 [training photos, dimensions].
        labels: int64 [training photos].
        class_count: Number of classes.
        by_name: Cosines of photos and names, float32 [photos, classes].

    Returns:
        Cosines, float32 [photos, classes], those to names raised as said.

    Raises:
        ValueError: If there is no training photo.
    """
    import torch
    from torch.nn.functional import normalize

    _check_training_photos(labels)
    means, counts = class_means(train_photos, labels, class_count)
    present = counts > 0
    by_photos = photos @ normalize(means, dim=1).T
    gap = (by_photos - by_name)[:, present].mean(dim=1, keepdim=True)
    return torch.where(present, by_photos, by_name + gap)


def neighbour_scores(
    photos: Tensor,
    train_photos: Tensor,
    labels: Tensor,
    class_count: int,
    neighbours: int = 20,
    sharpness: float = 0.05,
) -> Tensor:
    """Let the nearest training photos vote for their classes.

    A training photo at cosine c votes exp((c - 1) / sharpness), the affinity of Tip-Adapter (Zhang
    et al., ECCV 2022). Votes are counted as they are and not as shares, unlike those of
    `NeighbourHead`: a photo without near neighbours leaves the decision to other evidence, and a
    near-duplicate takes it. A lone vote equals the floor that every class has at a cosine of about
    1 - 7 · sharpness, and counts for little below it.

    Args:
        photos: float32 [photos, dimensions].
        train_photos: float32 [training photos, dimensions].
        labels: int64 [training photos].
        class_count: Number of classes.
        neighbours: How many training photos vote; all where there are fewer.
        sharpness: Cosine difference over which a vote falls by a factor e.

    Returns:
        Logarithms of votes, float32 [photos, classes].

    Raises:
        ValueError: If there is no training photo.
    """
    import torch

    _check_training_photos(labels)
    parts = []
    for part in photos.split(PHOTOS_AT_ONCE):
        cosines, nearest = (part @ train_photos.T).topk(min(neighbours, len(train_photos)))
        votes = ((cosines - 1) / sharpness).exp()
        counted = photos.new_zeros(len(part), class_count)
        parts.append(counted.scatter_add_(1, labels[nearest], votes))
    return (torch.cat(parts) + VOTE_FLOOR).log()


def _check_training_photos(labels: Tensor) -> None:
    if len(labels) == 0:
        raise ValueError("There is no training photo to compare with: score by names alone.")
