"""Features of many photos: decoded ahead, encoded in batches, kept by content."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.features import matrix_of
from chajong.photos.loading import photo_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from chajong.encoders.encoder import Encoder
    from chajong.photos.content_cache import ContentCache
    from chajong.photos.store import PhotoStore

SHARD_PHOTOS = 1024
"""Photos a shard: what an interrupted extraction loses at most."""


def feature_schema() -> pa.Schema:
    """Columns of a cache of features: the photo's sha-256, its features, its share of the time."""
    import pyarrow as pa

    return pa.schema(
        [
            ("content", pa.string()),
            ("features", pa.large_list(pa.float32())),
            ("seconds", pa.float32()),
        ]
    )


def missing_contents(cache: ContentCache, contents: Sequence[str]) -> list[str]:
    """Say which photos have no features yet, each once, in the order they come."""
    kept = cache.keys()
    return [content for content in dict.fromkeys(contents) if content not in kept]


def extract_features(
    contents: Sequence[str], store: PhotoStore, encoder: Encoder, cache: ContentCache, name: str
) -> None:
    """Encode photos and keep their features, shard by shard.

    Args:
        contents: sha-256 of the photos to encode, each once.
        store: The photos.
        encoder: Encodes them.
        cache: Keeps them; an interrupted extraction resumes after its last shard.
        name: What the progress bar calls the work.
    """
    encoded: list[np.ndarray] = []
    started, first, last = time.perf_counter(), 0, 0
    for features in encode_photos(contents, store, encoder, name):
        encoded.append(features)
        last += len(features)
        if last - first >= SHARD_PHOTOS or last == len(contents):
            seconds = time.perf_counter() - started
            cache.append(_rows(contents[first:last], np.concatenate(encoded), seconds))
            encoded, started, first = [], time.perf_counter(), last


def encode_photos(
    contents: Sequence[str], store: PhotoStore, encoder: Encoder, title: str | None = None
) -> Iterator[np.ndarray]:
    """Encode photos while the next ones are decoded.

    Args:
        contents: sha-256 of each photo, repeated where photos are identical.
        store: The photos.
        encoder: Encodes them.
        title: What the progress bar calls the work; there is none without it.

    Yields:
        float32 of shape [batch, features], in the order of the contents.
    """
    import torch

    prepared = photo_batches(contents, store, encoder.preparation, encoder.batch_size, title)
    for batch in prepared:
        yield encoder.encode(torch.from_numpy(batch))


def encode_all(
    contents: Sequence[str], store: PhotoStore, encoder: Encoder, title: str | None = None
) -> np.ndarray:
    """Encode photos as `encode_photos` does, at least one, as float32 [photos, features]."""
    return np.concatenate(list(encode_photos(contents, store, encoder, title)))


def read_features(cache: ContentCache, contents: Sequence[str]) -> tuple[np.ndarray, float]:
    """Gather kept features.

    Args:
        cache: Holds every photo wanted.
        contents: sha-256 of each photo, repeated where photos are identical.

    Returns:
        Features [photos, width], float16 or, where that would overflow, float32; and the seconds
        that encoding these photos took when they were encoded.
    """
    table = cache.table()
    position = {key: row for row, key in enumerate(table.column("content").to_pylist())}
    rows = [position[content] for content in contents]
    matrix = matrix_of(table.column("features").take(rows))
    seconds = table.column("seconds").take(sorted(set(rows))).to_numpy()
    return smallest_float(matrix), float(seconds.sum())


def smallest_float(matrix: np.ndarray) -> np.ndarray:
    """Give float16 where every value fits, else float32.

    Args:
        matrix: float32 of any shape.
    """
    fits = bool(np.abs(matrix).max(initial=0.0) <= np.finfo(np.float16).max)
    return matrix.astype(np.float16 if fits else np.float32)


def _rows(contents: Sequence[str], features: np.ndarray, seconds: float) -> pa.Table:
    import pyarrow as pa

    lists = pa.LargeListArray.from_arrays(
        np.arange(len(features) + 1) * features.shape[1], features.reshape(-1)
    )
    share = np.full(len(contents), seconds / len(contents), np.float32)
    return pa.table([pa.array(contents, pa.string()), lists, share], schema=feature_schema())
