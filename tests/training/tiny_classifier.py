"""A classifier small enough to train in a second, and photos that it can learn."""

import io
from functools import partial
from hashlib import sha256

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from chajong.photos.store import open_photo_store
from chajong.tables import write_table
from chajong.training.engine import TrainingJob
from chajong.training.losses import mixed_cross_entropy
from chajong.training.parameters import (
    AugmentationParameters,
    MixingParameters,
    TrainingParameters,
)
from chajong.training.photo_batches import LabelledPhotos

CLASSES = 3
UNVARIED = AugmentationParameters(
    crop_area=(1, 1),
    crop_ratio=(1, 1),
    half_crop=0,
    flip=0,
    rotation=0,
    brightness=(1, 1),
    gamma=(1, 1),
    saturation=(1, 1),
    contrast=(1, 1),
    jpeg_quality=(100, 100),
    erasing=0,
)
SETTINGS = {
    "epochs": 4,
    "batch_size": 8,
    "learning_rate": 0.02,
    "head_learning_rate": 0.02,
    "save_every": 3,
    "mixing": MixingParameters(cutmix=0.3, mixup=0.3),
    "augmentation": AugmentationParameters(rotation=0),
}


class TinyClassifier(torch.nn.Module):
    """A convolution, batch norm, dropout and a linear layer."""

    image_size = (16, 24)

    def __init__(self, poisoned=False):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, stride=2),
            torch.nn.BatchNorm2d(8),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Dropout(0.2),
        )
        self.head = torch.nn.Linear(8, CLASSES)
        self._poisoned = poisoned
        self.checkpointing = False

    def forward(self, photos, labels, other_labels, share):
        loss = mixed_cross_entropy(self._logits(photos), labels, other_labels, share)
        return {"loss": loss * float("nan") if self._poisoned else loss}

    def log_probabilities(self, photos):
        return self._logits(photos).log_softmax(-1)

    def layer_depths(self):
        names = [name for name, _ in self.named_parameters()]
        return {name: None if name.startswith("head") else 0 for name in names}

    def set_gradient_checkpointing(self, enabled):
        self.checkpointing = enabled

    def _logits(self, photos):
        return self.head(self.layers(photos.float() / 255))


def build_tiny(poisoned=False):
    torch.manual_seed(7)
    return TinyClassifier(poisoned)


def labelled_photos(folder, count=40):
    """Photos whose channel is their class, in a store that is mapped from a file."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % CLASSES
    jpegs = [_jpeg(label, random) for label in labels]
    contents = [sha256(jpeg).hexdigest() for jpeg in jpegs]
    table = pa.table({"sha256": contents, "jpeg": pa.array(jpegs, pa.large_binary())})
    file = folder / "photo_store.arrow"
    write_table(table.replace_schema_metadata({"preparation": "test"}), file)
    photo_ids = tuple(f"train/{label}/{number}.jpg" for number, label in enumerate(labels))
    return LabelledPhotos(open_photo_store(file), tuple(contents), labels, photo_ids)


def _jpeg(label, random):
    pixels = random.integers(0, 120, (20, 30, 3))
    pixels[..., label] += 100
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def tiny_job(folder, *, poisoned=False, inner_photos=None, photos=None, **changes):
    return TrainingJob(
        build=partial(build_tiny, poisoned),
        photos=photos or labelled_photos(folder),
        inner_photos=inner_photos,
        parameters=TrainingParameters(**{**SETTINGS, **changes}),
        title="tiny",
    )
