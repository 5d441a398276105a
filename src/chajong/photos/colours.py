"""Colours of a photo's profile, as the same colours of sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MOVED_LEVELS = 3
"""A profile that moves no colour by more is sRGB in another file: these differ by rounding."""

_STEPS = 9


def in_srgb(image: Image.Image) -> Image.Image:
    """Turn a decoded picture into RGB as its ICC profile says.

    Args:
        image: A picture of any mode without transparency.

    Returns:
        A picture of mode RGB. A profile that is sRGB already, is damaged, or is of another kind
        than the picture changes nothing.
    """
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    transform = _transform_of(image)
    if transform is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    converted = transform.apply(image)
    converted.info = {key: image.info[key] for key in image.info if key != "icc_profile"}
    return converted


def is_srgb(image: Image.Image) -> bool:
    """Tell whether a picture of mode L, RGB or CMYK keeps its colours in `in_srgb`."""
    return _transform_of(image) is None


def _transform_of(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    profile = image.info.get("icc_profile")
    return _transform(profile, image.mode) if profile else None


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build what turns a profile's colours into sRGB, None where there is nothing to turn."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return None
    colours = _all_colours(mode)
    moved = np.asarray(transform.apply(colours), int) - np.asarray(colours.convert("RGB"), int)
    return transform if np.abs(moved).max() > _MOVED_LEVELS else None


def _all_colours(mode: str) -> Image.Image:
    """Draw colours from the whole space of a mode, a pixel each."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    levels = np.indices((_STEPS,) * bands).reshape(bands, 1, -1) * 255 // (_STEPS - 1)
    return Image.merge(mode, [Image.fromarray(band.astype(np.uint8)) for band in levels])
