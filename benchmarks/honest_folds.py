"""Plain and matched out-of-fold loss against the loss on a tenth that was set aside.

    kedro run --pipelines data_processing --params raw_dir=path/to/photos,data_dir=path/to/results
    python -m benchmarks.honest_folds --data path/to/results --weights path/to/weights.safetensors
    python -m benchmarks.honest_folds --data … --weights … --bursts

A frozen encoder at 160 px, whole photos, under a linear discriminant. A tenth of the train photos,
in whole near-duplicate groups, stands for the test set: its labels are only scored. With
``--bursts`` every other train photo comes with 4 to 8 copies as a hand-held burst would make them
(small moves, zooms, light, blur, re-encoding), none of them known to belong to its original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.transforms import v2

from chajong.photos.decode import decode_photo
from chajong.photos.loading import load_ahead
from chajong.photos.store import PhotoStore
from chajong.training.augmentation import Augmentation
from chajong.training.parameters import AugmentationParameters

if TYPE_CHECKING:
    from chajong.encoders.encoder import Encoder

SIDE = 160
HAND_HELD = AugmentationParameters(
    crop_area=(0.85, 1.0),
    crop_ratio=(0.95, 1.05),
    half_crop=0,
    flip=0,
    rotation=2,
    brightness=(0.85, 1.15),
    gamma=(0.9, 1.1),
    saturation=(0.9, 1.1),
    contrast=(0.9, 1.1),
    jpeg_quality=(55, 92),
    erasing=0,
)
FEWEST_COPIES, MOST_COPIES = 4, 8


def burst_features(
    contents: list[str], store: PhotoStore, encoder: Encoder
) -> tuple[np.ndarray, np.ndarray]:
    """Encode 4 to 8 copies of each photo: features, and the position of each copy's photo."""
    torch.manual_seed(0)
    vary = Augmentation(HAND_HELD, SIDE, SIDE)
    blur = v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.2))], 0.5)
    counts = np.random.default_rng(0).integers(FEWEST_COPIES, MOST_COPIES + 1, len(contents))
    originals = np.repeat(np.arange(len(contents)), counts)
    encoded, waiting = [], []
    for [photo], count in zip(
        load_ahead(contents, lambda key: decode_photo(store.jpeg(key)), 1), counts, strict=True
    ):
        waiting += [blur(vary(photo)) for _ in range(count)]
        if len(waiting) >= encoder.batch_size:
            encoded.append(encoder.encode(torch.stack(waiting)[:, None]))
            waiting = []
    if waiting:
        encoded.append(encoder.encode(torch.stack(waiting)[:, None]))
    return np.concatenate(encoded), originals
