"""The nearest training photos vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.members.heads.fitted import NeighbourHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.heads.whitening import Whitened


def fit_neighbours(
    whitened: Whitened,
    labels: Tensor,
    class_count: int,
    neighbours: Sequence[int],
    sharpness: float,
) -> list[NeighbourHead]:
    """Keep the training photos to be asked.

    Args:
        whitened: The training photos.
        labels: int64 [photos].
        class_count: Number of classes, present or not.
        neighbours: Numbers of neighbours.
        sharpness: Cosine difference over which a vote falls by a factor e.

    Returns:
        One head a number of neighbours.
    """
    return [
        NeighbourHead(
            centre=whitened.centre,
            projection=whitened.projection,
            photos=whitened.directions,
            labels=labels,
            settings=whitened.directions.new_tensor([count, class_count, sharpness]),
        )
        for count in neighbours
    ]
