"""Features of several encoders side by side."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.features import Features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def present_encoders(
    features: Mapping[str, Features | None], encoders: Sequence[str], content: str
) -> dict[str, Features]:
    """Choose the encoders that have features of the photos as they are now.

    Args:
        features: Features by encoder, None where there are none.
        encoders: Which of them to join, in this order.
        content: Hash of the photos as they are now, from `content_hash`.

    Raises:
        ValueError: An encoder is unknown, or none has features of the photos as they are now.
    """
    if unknown := [name for name in encoders if name not in features]:
        message = f"concat.encoders names {unknown[0]!r}: use some of {', '.join(features)}."
        raise ValueError(message)
    found = {name: features[name] for name in encoders}
    present = {name: block for name, block in found.items() if block and block.content == content}
    if not present:
        message = (
            f"concat is enabled, but none of {', '.join(encoders)} has features of these photos: "
            "enable at least one of them."
        )
        raise ValueError(message)
    return present


def join_encoders(
    features: Mapping[str, Features | None], encoders: Sequence[str], content: str
) -> Features:
    """Join features photo by photo, every encoder with the same weight.

    Args:
        features: Features by encoder, None where there are none.
        encoders: Which of them to join, in this order; those without features are left out.
        content: Hash of the photos as they are now, from `content_hash`.

    Returns:
        float32 features.

    Raises:
        ValueError: An encoder is unknown, or none has features of the photos as they are now.
    """
    blocks = list(present_encoders(features, encoders, content).values())
    photo_ids = blocks[0].photo_ids
    return Features(
        photo_ids=photo_ids,
        matrix=join_matrices([block.rows(photo_ids) for block in blocks]),
        encoder=sha256("+".join(block.encoder for block in blocks).encode()).hexdigest(),
        content=content,
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
