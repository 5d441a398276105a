"""A real small training by the engine, on photos of noise that are the same each time.

As a script it trains in the folder that it is given, until it is done or killed.
"""

from __future__ import annotations

import io
import sys
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.parameters import BackboneParameters
from chajong.photos.store import PhotoStore
from chajong.training.engine import TrainingJob, train
from chajong.training.parameters import MixingParameters, TrainingParameters
from chajong.training.photo_batches import LabelledPhotos

CLASSES = 4
PHOTOS = 64
SIDES = (48, 64)
"""Height and width of the photos in pixels."""

MODEL, MODEL_WITHOUT_GPU = "convnext_atto", "test_convnext"


def small_job(*, plain: bool = False, processes: int = 1) -> TrainingJob:
    """Lay out a training of some dozens of steps, with checkpoints on the way.

    Args:
        plain: Whether nothing depends on how a batch is split: no photos are mixed, and no branch
            is skipped at random.
        processes: Processes that share every batch.
    """
    parameters = BackboneParameters(
        model=MODEL if torch.cuda.is_available() else MODEL_WITHOUT_GPU,
        weights="random",
        image_size=32,
        drop_path=0.0 if plain else 0.1,
    )
    return TrainingJob(
        build=partial(build_backbone, parameters, CLASSES),
        photos=_photos(),
        inner_photos=None,
        parameters=TrainingParameters(
            epochs=10,
            batch_size=16,
            learning_rate=1e-3,
            head_learning_rate=1e-3,
            save_every=4,
            processes=processes,
            mixing=MixingParameters(cutmix=0, mixup=0) if plain else MixingParameters(),
        ),
        title="small training",
    )


def _photos() -> LabelledPhotos:
    random = np.random.default_rng(0)
    labels = np.arange(PHOTOS) % CLASSES
    jpegs = [_jpeg(label, random) for label in labels.tolist()]
    contents = tuple(sha256(jpeg).hexdigest() for jpeg in jpegs)
    table = pa.table({"sha256": contents, "jpeg": pa.array(jpegs, pa.large_binary())})
    photo_ids = tuple(f"train/{label}/{number}.jpg" for number, label in enumerate(labels))
    return LabelledPhotos(PhotoStore(table), contents, labels, photo_ids)


def _jpeg(label: int, random: np.random.Generator) -> bytes:
    """Draw noise that is brighter from left to right, by its class."""
    height, width = SIDES
    noise = random.integers(0, 160, (height, width, 3))
    pixels = noise + np.linspace(0, 30 * label, width, dtype=int)[:, None]
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


if __name__ == "__main__":
    train(small_job(), Path(sys.argv[1]))
