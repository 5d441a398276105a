"""The nearest training photos vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.heads.fitted import NeighbourHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


MOST_EXACT = 2**23
"""Numbers of all training photos together that are kept as float32, which then take 34 MB."""


def fit_neighbours(
    directions: Tensor,
    labels: Tensor,
    class_count: int,
    neighbours: Sequence[int],
    sharpness: float,
) -> list[NeighbourHead]:
    """Keep the training photos to be asked.

    Args:
        directions: float32 [photos, dimensions], the training photos, whitened.
        labels: int64 [photos].
        class_count: Number of classes, present or not.
        neighbours: Numbers of neighbours.
        sharpness: Cosine difference over which a vote falls by a factor e.

    Returns:
        One head a number of neighbours.
    """
    kept = directions if directions.numel() <= MOST_EXACT else directions.half()
    return [
        NeighbourHead(
            photos=kept,
            labels=labels,
            settings=directions.new_tensor([count, class_count, sharpness]),
        )
        for count in neighbours
    ]
