"""Near-duplicates, against comparing perceptual hashes pair by pair as imagehash's README does."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import imagehash
import numpy as np

from benchmarks.peers.comparison import Comparison
from chajong.photos.near_duplicates import group_near_duplicates
from chajong.photos.picture_agreement import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

PHOTOS = 1_000
RADIUS = 6


def comparisons() -> Iterator[Comparison]:
    """Look for near-duplicates among random photos; ours looks at pixels and mirror images too.

    Yields:
        One comparison.
    """
    generator = np.random.default_rng(0)
    hashes = generator.integers(2**63, size=PHOTOS, dtype=np.uint64)
    pictures = generator.integers(256, size=(PHOTOS, SIDE, SIDE), dtype=np.uint8)
    yield Comparison(
        job="near-duplicates",
        peer="imagehash, pair by pair",
        work=PHOTOS,
        unit="photos",
        ours=partial(group_near_duplicates, hashes, pictures),
        theirs=partial(pair_by_pair, [f"{number:016x}" for number in hashes]),
    )


def pair_by_pair(hashes: list[str]) -> list[tuple[int, int]]:
    """Give the positions of the pairs whose hashes differ in few bits."""
    read = [imagehash.hex_to_hash(digits) for digits in hashes]
    numbered = combinations(enumerate(read), 2)
    return [(i, j) for (i, one), (j, other) in numbered if one - other <= RADIUS]
