"""Photos that show the same picture: by perceptual hash and pixels, and byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.picture_agreement import (
    agree,
    directions,
    may_agree,
    small_pictures,
    tangent_planes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from chajong.photos.store import PhotoStore

DEFAULT_RADIUS = 12
"""Wide enough for light crops; the pictures decide."""

_MIRRORED = np.uint64(0x5555_5555_5555_5555)
"""The bits of a hash that a mirror inverts, but for a few near the median: those of the cosines
that are odd from left to right."""

_PAIRS_AT_ONCE = 4096


def near_duplicates_of(
    photos: pd.DataFrame, store: PhotoStore, radius: int = DEFAULT_RADIUS
) -> np.ndarray:
    """Group photos that show the same picture.

    Args:
        photos: Readable photos, with the columns sha256 and perceptual_hash.
        store: The photos themselves.
        radius: As for `group_near_duplicates`.

    Returns:
        A group label from 0 for each photo, int64 of shape [n].
    """
    distinct = photos.drop_duplicates("sha256")
    contents = distinct["sha256"].tolist()
    groups = group_near_duplicates(
        hash_bits(distinct["perceptual_hash"]), small_pictures(contents, store), radius
    )
    group_of = dict(zip(contents, groups.tolist(), strict=True))
    return np.array([group_of[content] for content in photos["sha256"]], dtype=np.int64)


def group_near_duplicates(
    hashes: np.ndarray, pictures: np.ndarray, radius: int = DEFAULT_RADIUS
) -> np.ndarray:
    """Group photos that are joined by a chain of near-duplicates.

    Two photos are near-duplicates if their hashes, or the one's and the other's mirror image's,
    differ in few bits and their pictures agree.

    Args:
        hashes: 64-bit perceptual hashes, uint64 of shape [n].
        pictures: The same photos as `small_pictures` gives them, uint8 of shape [n, side, side].
        radius: Largest Hamming distance of a link in the chain, in bits.

    Returns:
        A group label from 0 for each photo, int64 of shape [n].
    """
    groups = np.arange(len(hashes))
    planes = tangent_planes(pictures)
    for others, flip in ((pictures, np.uint64(0)), (pictures[:, :, ::-1], _MIRRORED)):
        points = directions(others)
        for pairs in _possible_pairs(hashes, flip, radius, planes, points, groups):
            alike = pairs[agree(pictures[pairs[:, 0]], others[pairs[:, 1]])]
            groups[:] = connected_groups(groups[alike], len(groups))[groups]
    return groups


def _possible_pairs(
    hashes: np.ndarray,
    flip: np.uint64,
    radius: int,
    planes: np.ndarray,
    points: np.ndarray,
    groups: np.ndarray,
) -> Iterator[np.ndarray]:
    """Compare every photo with all later ones, and give batches of the pairs to look at.

    Photos that are in one group by then are passed over: a thousand copies of one picture would be
    half a million pairs.
    """
    waiting, count = [np.empty((0, 2), dtype=np.int64)], 0
    for first, plane in enumerate(planes):
        near = np.bitwise_count(hashes[first + 1 :] ^ (hashes[first] ^ flip)) <= radius
        second = first + 1 + np.flatnonzero(near)
        second = second[groups[second] != groups[first]]
        second = second[may_agree(plane, points[second])]
        if len(second):
            waiting.append(np.column_stack([np.full(len(second), first), second]))
            count += len(second)
        if count >= _PAIRS_AT_ONCE:
            yield np.concatenate(waiting)
            waiting, count = waiting[:1], 0
    yield np.concatenate(waiting)


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
