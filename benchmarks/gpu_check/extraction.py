"""Frozen encoders: photos a second, and the share of what a large matrix product reaches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu_check.random_models import random_encoder
from benchmarks.gpu_check.rows import Finding, Items
from benchmarks.gpu_check.timing import forget_peak, median_seconds, peak_memory
from chajong.device import best_device, best_precision
from chajong.encoders.parameters import PretrainedParameters, VlmTowerParameters
from tools.presets.cost import RESERVE_GB, prediction_cost

if TYPE_CHECKING:
    from chajong.photos.resizing import Preparation

CEILING = "ceiling"
"""The row whose figure the others are shares of."""

SIDE, DRY_SIDE = 8192, 256
"""Of the square matrices that are multiplied."""

ONE_VIEW = {"flip": False, "zoom": (1.0,)}

Encoder = PretrainedParameters | VlmTowerParameters

ENCODERS: dict[str, Encoder] = {
    "ViT-B/32": PretrainedParameters(
        library="open_clip",
        model="ViT-B-32-quickgelu",
        weights="openai",
        batch_size=256,
        **ONE_VIEW,
    ),
    "SigLIP SO400M/14 at 384": PretrainedParameters(
        library="open_clip",
        model="ViT-SO400M-14-SigLIP-384",
        weights="webli",
        batch_size=64,
        **ONE_VIEW,
    ),
    "ConvNeXt-L at 576": PretrainedParameters(
        library="timm",
        model="convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_384",
        image_size=576,
        batch_size=32,
        **ONE_VIEW,
    ),
    "tower of Qwen2.5-VL": VlmTowerParameters(model="Qwen/Qwen2.5-VL-7B-Instruct", batch_size=16),
}
"""Every one is shown one view of a photo."""

DRY_PHOTOS = 2


def items(*, dry: bool) -> Items:
    """List the measurements."""
    encoders = [(name, partial(photos_a_second, each, dry=dry)) for name, each in ENCODERS.items()]
    return [(CEILING, partial(_ceiling, DRY_SIDE if dry else SIDE)), *encoders]


def estimates(*, dry: bool) -> Items:
    """List what is reckoned from the models' shapes; in the dry form of the quickest only."""
    chosen = list(ENCODERS.items())[: 1 if dry else None]
    return [(name, partial(_estimate, encoder)) for name, encoder in chosen]


def photos_a_second(parameters: Encoder, *, dry: bool) -> Finding:
    """Encode bytes of noise as a run encodes photos, but for decoding them."""
    encoder = random_encoder(parameters, dry=dry)
    photos = photos_of_noise(encoder.preparation, DRY_PHOTOS if dry else parameters.batch_size)
    forget_peak()
    seconds = median_seconds(lambda: encoder.encode(photos))
    return Finding({"photos_per_second": len(photos) / seconds, **peak_memory()})


def photos_of_noise(preparation: Preparation, count: int) -> torch.Tensor:
    """Make one view each of some photos, uint8 [count, 1, 3, height, width], on the CPU."""
    shape = (count, 1, 3, preparation.height, preparation.width)
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def _ceiling(side: int) -> Finding:
    precision = best_precision()
    left, right = torch.randn(2, side, side, device=best_device(), dtype=precision)
    seconds = median_seconds(lambda: left @ right)
    note = f"product of two {side} x {side} matrices in {str(precision).removeprefix('torch.')}"
    return Finding({"tera_operations_per_second": 2 * side**3 / seconds / 1e12}, note)


def _estimate(parameters: Encoder) -> Finding:
    cost = prediction_cost(parameters)
    return Finding(
        {
            "allocated_gb": cost.memory_gb - RESERVE_GB,
            "reserved_gb": cost.memory_gb,
            "operations_per_photo": cost.operations,
        }
    )
