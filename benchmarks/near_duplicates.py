"""Time the grouping of near-duplicates against comparing ImageHash objects one pair at a time.

Run with `python -m benchmarks.near_duplicates`.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from imagehash import ImageHash

from chajong.photos.near_duplicates import group_near_duplicates

PHOTOS = 33_000
COMPARED_PLAINLY = 1_000
RADIUS = 6


def clustered_hashes(count: int, seed: int) -> np.ndarray:
    """Make random 64-bit hashes, a tenth of them near copies of others.

    Args:
        count: Number of hashes.
        seed: Of the random numbers.

    Returns:
        A uint64 array of shape [count].
    """
    generator = np.random.default_rng(seed)
    hashes = generator.integers(0, 2**64, count, dtype=np.uint64)
    copies = generator.integers(0, count, (2, count // 10))
    flipped_bits = np.uint64(1) << generator.integers(0, 64, (3, count // 10)).astype(np.uint64)
    hashes[copies[0]] = hashes[copies[1]] ^ np.bitwise_or.reduce(flipped_bits)
    return hashes


def plain_pairs(hashes: np.ndarray, radius: int) -> int:
    """Count near-duplicate pairs with ImageHash's own difference, the straightforward way."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8)).reshape(-1, 8, 8).astype(bool)
    photos = [ImageHash(photo) for photo in bits]
    return sum(
        earlier - later <= radius
        for position, later in enumerate(photos)
        for earlier in photos[:position]
    )


def main() -> None:
    """Print both times and their ratio."""
    hashes = clustered_hashes(PHOTOS, seed=0)
    group_near_duplicates(hashes[:10])  # imports SciPy before the clock starts
    start = perf_counter()
    groups = group_near_duplicates(hashes, RADIUS)
    seconds = perf_counter() - start
    start = perf_counter()
    plain_pairs(hashes[:COMPARED_PLAINLY], RADIUS)
    plain_seconds = (perf_counter() - start) * (PHOTOS / COMPARED_PLAINLY) ** 2
    print(f"{PHOTOS:,} hashes, radius {RADIUS}: {groups.max() + 1:,} groups")
    print(f"vectorised comparison:      {seconds:10.2f} s")
    print(
        f"ImageHash, pair by pair:    {plain_seconds:10.2f} s "
        f"(measured on {COMPARED_PLAINLY:,} hashes, scaled by the number of pairs)"
    )
    print(f"ratio:                      {plain_seconds / seconds:10,.0f} x")


if __name__ == "__main__":
    main()
