"""Photos that show the same picture: by perceptual hash, and byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

# On real look-alike cars a wider radius joins different models.
DEFAULT_RADIUS = 6


def near_duplicate_pairs(hashes: np.ndarray, radius: int = DEFAULT_RADIUS) -> np.ndarray:
    """Find all pairs of hashes that differ in few bits.

    Every hash is compared with all later ones in one vectorised step.

    Args:
        hashes: 64-bit perceptual hashes, uint64 of shape [n].
        radius: Largest Hamming distance of a pair, in bits.

    Returns:
        Indices i < j of each pair, int64 of shape [m, 2], sorted.
    """
    near = [
        first + 1 + np.flatnonzero(np.bitwise_count(hashes[first] ^ hashes[first + 1 :]) <= radius)
        for first in range(len(hashes))
    ]
    counts = np.fromiter(map(len, near), dtype=np.int64)
    first = np.repeat(np.arange(len(hashes)), counts)
    second = np.concatenate([np.empty(0, dtype=np.int64), *near])
    return np.column_stack([first, second])


def group_near_duplicates(hashes: np.ndarray, radius: int = DEFAULT_RADIUS) -> np.ndarray:
    """Group photos that are joined by a chain of near-duplicates.

    Args:
        hashes: 64-bit perceptual hashes, uint64 of shape [n].
        radius: Largest Hamming distance of a link in the chain, in bits.

    Returns:
        A group label from 0 for each photo, int64 of shape [n].
    """
    # Equal hashes are joined first: a thousand copies of one picture would be half a million pairs.
    distinct, place = np.unique(hashes, return_inverse=True)
    return connected_groups(near_duplicate_pairs(distinct, radius), len(distinct))[place]


def connected_groups(pairs: np.ndarray, count: int) -> np.ndarray:
    """Label the connected components of a graph.

    Args:
        pairs: Joined items, integers of shape [m, 2].
        count: Number of items.

    Returns:
        A component label from 0 for each item, int64 of shape [count].
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = (np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1]))
    _, labels = connected_components(coo_array(links, shape=(count, count)), directed=False)
    return np.asarray(labels, dtype=np.int64)


def hash_bits(hashes: Iterable[str]) -> np.ndarray:
    """Turn perceptual hashes of the `photos` table into numbers.

    Args:
        hashes: 16 hexadecimal digits each.

    Returns:
        A uint64 array of shape [n].
    """
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def find_conflicts(photos: pd.DataFrame) -> pd.DataFrame:
    """Find byte-identical photos that carry different labels.

    Args:
        photos: Readable train photos, with the columns photo_id, sha256, class_name and
            effective_id (the number of the effective class, aliases merged).

    Returns:
        These columns of every photo of a conflict, sorted by content.
    """
    labels = photos.groupby("sha256")["effective_id"].transform("nunique")
    columns = ["photo_id", "sha256", "class_name", "effective_id"]
    found = photos.loc[labels > 1, columns]
    return found.sort_values(["sha256", "photo_id"], ignore_index=True)
