"""Contrastive losses over a batch of photos and their sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from torch import Tensor


def clip_loss(photo_embeddings: Tensor, text_embeddings: Tensor, scale: Tensor) -> Tensor:
    """Contrast every photo with its own sentence, and the sentence with its photo.

    Source: Radford et al., Learning transferable visual models from natural language supervision
    (ICML 2021), figure 3.

    Args:
        photo_embeddings: Of length 1, [photos, dimensions].
        text_embeddings: Of length 1, [photos, dimensions]; row j describes photo j.
        scale: Scalar that cosines are multiplied by.

    Returns:
        The mean over photos and over both directions.
    """
    logits = scale * photo_embeddings @ text_embeddings.T
    own = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def multi_positive_contrastive(
    photo_embeddings: Tensor,
    text_embeddings: Tensor,
    labels: Tensor,
    other_labels: Tensor,
    share: Tensor,
    scale: Tensor,
) -> Tensor:
    """Contrast photos and sentences where every sentence of a photo's class is right.

    A mixed photo counts by its share towards its first class and by the rest towards the other, as
    far as the batch has sentences of that class. A row without any right answer counts nothing.
    Source: Khosla et al., Supervised contrastive learning (NeurIPS 2020), equation 2 (L_out).

    Args:
        photo_embeddings: Of length 1, [photos, dimensions].
        text_embeddings: Of length 1, [photos, dimensions]; row j describes the class `labels[j]`.
        labels: int64 [photos], the classes of the photos and the sentences.
        other_labels: int64 [photos], the class of the photo mixed in.
        share: float32 [photos], the first photo's share; 1 where nothing is mixed in.
        scale: Scalar that cosines are multiplied by.

    Returns:
        The mean over photos and over both directions.
    """
    logits = scale * photo_embeddings @ text_embeddings.T
    own = (labels[:, None] == labels).float()
    mixed_in = (other_labels[:, None] == labels).float()
    share = share[:, None]
    texts_of_photo = share * _shared_out(own) + (1 - share) * _shared_out(mixed_in)
    photos_of_text = (share * own + (1 - share) * mixed_in).T
    from_photos = cross_entropy(logits, _shared_out(texts_of_photo))
    from_texts = cross_entropy(logits.T, _shared_out(photos_of_text))
    return (from_photos + from_texts) / 2


def _shared_out(weights: Tensor) -> Tensor:
    """Scale rows to a sum of 1; rows of zeros stay."""
    sums = weights.sum(dim=1, keepdim=True)
    return weights / sums.clamp_min(torch.finfo(weights.dtype).tiny)
