"""Features of several encoders side by side."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.features import Features, check_features, content_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


def join_encoders(photos: pd.DataFrame, features: Mapping[str, Features]) -> Features:
    """Join features photo by photo, every encoder with the same weight.

    Args:
        photos: The `photos` table.
        features: Features by encoder, in this order.

    Returns:
        float32 features.

    Raises:
        ValueError: Features are of other photos than those of the table.
    """
    readable = photos[photos["status"] == "ok"]
    photo_ids = tuple(readable["photo_id"])
    for name, block in features.items():
        check_features(name, block, photos)
    return Features(
        photo_ids=photo_ids,
        matrix=join_matrices([block.rows(photo_ids) for block in features.values()]),
        encoder=sha256("+".join(block.encoder for block in features.values()).encode()).hexdigest(),
        content=content_of(photos),
    )


def join_matrices(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Set features side by side, each photo's block divided by its sum of absolute values.

    So all blocks have the same length after the heads' signed square root, however wide they are.

    Args:
        matrices: float32 [photos, width], one an encoder.

    Returns:
        float32 [photos, sum of widths].
    """
    return np.concatenate([_balance(matrix) for matrix in matrices], axis=1)


def _balance(matrix: np.ndarray) -> np.ndarray:
    total = np.abs(matrix).sum(axis=1, keepdims=True)
    balanced: np.ndarray = matrix / np.maximum(total, np.finfo(np.float32).tiny)
    return balanced
