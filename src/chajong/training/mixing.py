"""Batches whose photos are mixed with one another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from chajong.training.parameters import MixingParameters


def mix_batch(
    photos: Tensor,
    labels: Tensor,
    parameters: MixingParameters,
    random: np.random.Generator,
    mixing_on: bool,
) -> dict[str, Tensor]:
    """Leave a batch plain or mix it by CutMix or MixUp, at random.

    Every photo is mixed with the one before it in the batch, and all in the same way. torchvision's
    and timm's own versions give mixed one-hot labels, from which a class is hard to tell again.

    Args:
        photos: uint8 [n, 3, height, width].
        labels: int64 [n].
        parameters: How often each way of mixing is taken.
        random: Makes every random choice.
        mixing_on: Whether batches may be mixed at all; a batch of one photo never is.

    Returns:
        ``photos``, ``labels``, ``other_labels`` (of the photo mixed in; the same as ``labels``
        where nothing is) and ``share``, float32 [n], the share of the first photo.
    """
    chances = (parameters.cutmix, parameters.mixup, 1 - (parameters.cutmix + parameters.mixup))
    kind = random.choice(["cutmix", "mixup", "plain"], p=chances)
    if kind == "plain" or not mixing_on or len(photos) == 1:
        return _batch(photos, labels, labels, 1.0)
    if kind == "cutmix":
        share = random.beta(parameters.cutmix_concentration, parameters.cutmix_concentration)
        mixed, share = cut_and_paste(photos, photos.roll(1, 0), share, random)
    else:
        share = random.beta(parameters.mixup_concentration, parameters.mixup_concentration)
        mixed = blend(photos, photos.roll(1, 0), share)
    return _batch(mixed, labels, labels.roll(1, 0), share)


def cut_and_paste(
    photos: Tensor, others: Tensor, share: float, random: np.random.Generator
) -> tuple[Tensor, float]:
    """Replace a rectangle, in the shape of the photos and at a random place, by other photos.

    Source: Yun et al., CutMix (ICCV 2019), section 3.1.

    Args:
        photos: uint8 [n, 3, height, width].
        others: The photos that the rectangle comes from, of the same shape.
        share: Share of the area that the photos shall keep; they keep more where the rectangle
            crosses the border.
        random: Draws the rectangle's centre.

    Returns:
        The mixed photos and the share that they did keep.
    """
    sides = photos.shape[-2:]
    rows, columns = (_stretch(side, math.sqrt(1 - share), random) for side in sides)
    mixed = photos.clone()
    mixed[..., rows, columns] = others[..., rows, columns]
    cut = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, 1 - cut / math.prod(sides)


def blend(photos: Tensor, others: Tensor, share: float) -> Tensor:
    """Average photos with other photos, pixel by pixel.

    Source: Zhang et al., mixup (ICLR 2018), equation 1.

    Args:
        photos: uint8 [n, 3, height, width].
        others: The other photos, of the same shape.
        share: Weight of the photos, 0 to 1.

    Returns:
        The mixed photos, rounded to uint8.
    """
    return others.float().lerp(photos.float(), share).round().to(photos.dtype)


def _stretch(side: int, share: float, random: np.random.Generator) -> slice:
    """Draw a share of a side around any of its points, cut at its ends."""
    length, centre = round(side * share), int(random.integers(side))
    start = centre - length // 2
    return slice(max(0, start), min(side, start + length))


def _batch(photos: Tensor, labels: Tensor, other_labels: Tensor, share: float) -> dict[str, Tensor]:
    import torch

    return {
        "photos": photos,
        "labels": labels,
        "other_labels": other_labels,
        "share": torch.full((len(photos),), share, device=photos.device),
    }
