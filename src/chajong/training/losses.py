"""Losses of photos that may be mixed from two."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def mixed_cross_entropy(
    logits: Tensor, labels: Tensor, other_labels: Tensor, share: Tensor
) -> Tensor:
    """Cross entropy against the labels of both photos that a photo is mixed from.

    Source: Zhang et al., mixup (ICLR 2018), section 2; Yun et al., CutMix (ICCV 2019), equation 1.

    Args:
        logits: Of shape [photos, classes].
        labels: int64 [photos], of the first photo.
        other_labels: int64 [photos], of the photo mixed in.
        share: float32 [photos], the first photo's share; 1 where nothing is mixed in.

    Returns:
        The mean over photos.
    """
    from torch.nn.functional import cross_entropy

    first = cross_entropy(logits, labels, reduction="none")
    second = cross_entropy(logits, other_labels, reduction="none")
    return (share * first + (1 - share) * second).mean()
