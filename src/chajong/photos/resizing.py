"""Photos of any shape brought to the one shape that a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from chajong.photos.decode import decode_photo

Fit = Literal["squash", "crop", "pad"]
"""How a photo of any shape becomes the model's shape.

``squash`` keeps every pixel and gives up the aspect ratio, ``crop`` keeps the aspect ratio and
gives up the two ends, ``pad`` keeps both and gives up resolution.
"""

PADDING = (127, 127, 127)
"""Middle grey, so that a border is near zero after normalisation."""


@dataclass(frozen=True)
class Preparation:
    """How a photo becomes a model's input.

    Attributes:
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        fit: How a photo of another shape becomes this one.
        zoom: Centre zooms, each of which makes one picture.
    """

    height: int
    width: int
    fit: Fit = "squash"
    zoom: tuple[float, ...] = (1.0,)

    def pictures(self, jpeg: bytes) -> np.ndarray:
        """Decode a photo at the size that is needed, uint8 [zooms, 3, height, width]."""
        largest = max(self.height, self.width) * max(self.zoom)
        photo = decode_photo(jpeg, shortest_side=round(largest))
        pictures = [
            resize_photo(photo, self.height, self.width, self.fit, zoom) for zoom in self.zoom
        ]
        return np.stack(pictures).transpose(0, 3, 1, 2)


def resize_photo(
    photo: np.ndarray, height: int, width: int, fit: Fit = "squash", zoom: float = 1.0
) -> np.ndarray:
    """Resize a photo with an antialiased bicubic filter.

    Args:
        photo: RGB uint8 of shape [height, width, 3].
        height: Height wanted, in pixels.
        width: Width wanted, in pixels.
        fit: How the photo's shape becomes the wanted one.
        zoom: Centre zoom: 2 keeps the middle half of each side.

    Returns:
        RGB uint8 of shape [height, width, 3].
    """
    picture = Image.fromarray(photo)
    box_width, box_height = picture.width / zoom, picture.height / zoom
    if fit == "pad":
        return _pad(picture, _centre_box(picture, box_width, box_height), height, width)
    if fit == "crop":
        scale = min(box_width / width, box_height / height)
        box_width, box_height = width * scale, height * scale
    box = _centre_box(picture, box_width, box_height)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box))


def _centre_box(
    picture: Image.Image, width: float, height: float
) -> tuple[float, float, float, float]:
    # Rounding may put an edge a hair outside the picture, which Pillow refuses.
    left, top = max(0.0, (picture.width - width) / 2), max(0.0, (picture.height - height) / 2)
    return left, top, min(left + width, picture.width), min(top + height, picture.height)


def _pad(
    picture: Image.Image, box: tuple[float, float, float, float], height: int, width: int
) -> np.ndarray:
    scale = min(width / (box[2] - box[0]), height / (box[3] - box[1]))
    size = (
        max(1, min(width, round((box[2] - box[0]) * scale))),
        max(1, min(height, round((box[3] - box[1]) * scale))),
    )
    canvas = Image.new("RGB", (width, height), PADDING)
    resized = picture.resize(size, Image.Resampling.BICUBIC, box=box)
    canvas.paste(resized, ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas)
