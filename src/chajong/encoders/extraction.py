"""Features of many photos: decoded ahead, encoded in batches, kept by content."""

from __future__ import annotations

import time
from functools import partial
from socket import gethostname
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.features import Features, content_hash, matrix_of
from chajong.encoders.parameters import HogParameters
from chajong.engine import HERE, side_by_side, spread
from chajong.photos.content_cache import ContentCache
from chajong.photos.loading import photo_batches
from chajong.predictions.measurement import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from chajong.encoders.encoder import Encoder
    from chajong.encoders.parameters import EncoderParameters
    from chajong.engine import Engine
    from chajong.photos.store import PhotoStore

SHARD_PHOTOS = 1024
"""Photos a shard: what an interrupted extraction loses at most."""

PHOTOS_A_PROCESS = 256
"""Photos that a process of this machine is given at once; they are a shard then."""


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


def features_of_photos(
    photos: pd.DataFrame,
    store: PhotoStore,
    key: str,
    kept_in: Path,
    parameters: EncoderParameters,
    engine: Engine = HERE,
) -> tuple[Features, dict[str, Any]]:
    """Encode the readable photos that have no features yet, and gather the features of all.

    Args:
        photos: The `photos` table.
        store: The photos themselves.
        key: From `encoder_key`.
        kept_in: Where features are kept.
        parameters: Which encoder.
        engine: Where they are encoded.

    Returns:
        Features of every readable photo, and what it cost to make them.
    """
    readable = photos[photos["status"] == "ok"]
    contents = readable["sha256"].tolist()
    with measure() as measurement:
        cache = ContentCache(kept_in / key / store.preparation, feature_schema())
        missing = missing_contents(cache, contents)
        if missing and in_shares(len(missing), parameters, engine):
            extract_in_shares(missing, store, (parameters, key), cache, engine)
        elif missing:
            model = build_encoder(parameters)
            extract_features(missing, store, model, cache, parameters.title)
        matrix, seconds = read_features(cache, contents)
    photo_ids = tuple(readable["photo_id"])
    features = Features(photo_ids, matrix, key, content_hash(photo_ids, contents))
    report = {
        "photos": len(readable),
        "photos_encoded_now": len(missing),
        "seconds": seconds,
        "photos_per_second": len(set(contents)) / seconds,
        "peak_memory_mb": measurement.peak_memory_mb,
    }
    return features, report


def missing_contents(cache: ContentCache, contents: Sequence[str]) -> list[str]:
    """Say which photos have no features yet, each once, in the order they come."""
    kept = cache.keys()
    return [content for content in dict.fromkeys(contents) if content not in kept]


def features_kept(folder: Path) -> int:
    """Count the photos whose features an encoder's folder keeps, however they were prepared."""
    caches = [ContentCache(each, feature_schema()) for each in sorted(folder.glob("*/"))]
    return max((len(cache.keys()) for cache in caches), default=0)


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


def in_shares(photos: int, parameters: EncoderParameters, engine: Engine) -> bool:
    """Say whether so many photos are encoded by other processes, or machines, than this one.

    Models compute in as many threads as there are; histograms hold Python's global lock.
    """
    if engine.kind == "ray":
        return True
    return isinstance(parameters, HogParameters) and side_by_side(
        engine, photos // PHOTOS_A_PROCESS
    )


def extract_in_shares(
    contents: Sequence[str],
    store: PhotoStore,
    encoder: tuple[EncoderParameters, str],
    cache: ContentCache,
    engine: Engine,
) -> None:
    """Encode photos side by side, and keep their features as they come.

    Each share is a shard of the cache. To another machine it takes its photos along, so that no
    disk is shared; processes of this one map the store.

    Args:
        contents: sha-256 of the photos to encode, each once.
        store: The photos.
        encoder: Encodes them, and its key.
        cache: Keeps them; only this process writes to it.
        engine: Where they are encoded.

    Raises:
        EncoderError: A machine would make other features.
        EngineError: There is no cluster, or workers were lost.
    """
    from tqdm import tqdm

    elsewhere = engine.kind == "ray"
    size = SHARD_PHOTOS if elsewhere else PHOTOS_A_PROCESS
    parts = (contents[start : start + size] for start in range(0, len(contents), size))
    shares = ((part, store.only(part) if elsewhere else store) for part in parts)
    with tqdm(total=len(contents), desc=encoder[0].title, unit=" photos") as progress:
        for _, rows in spread(engine, partial(share_encoder, *encoder), shares):
            cache.append(rows)
            progress.update(len(rows))


def share_encoder(
    parameters: EncoderParameters, key: str
) -> Callable[[tuple[Sequence[str], PhotoStore]], pa.Table]:
    """Build an encoder in another process, or on another machine.

    Args:
        parameters: Which encoder.
        key: What the machine that started the run calls its features.

    Returns:
        What gives the rows of a cache for the photos of a share, in a store that has them.

    Raises:
        EncoderError: Features made here would be others, or the encoder cannot be built.
    """
    if encoder_key(parameters) != key:
        message = (
            f"{gethostname()} would make other features of {parameters.title} than the machine "
            "that started the run: give every machine the same weights and the same kind of GPU."
        )
        raise EncoderError(message)
    encoder = build_encoder(parameters)

    def encode(share: tuple[Sequence[str], PhotoStore]) -> pa.Table:
        (contents, photos), started = share, time.perf_counter()
        features = encode_all(contents, photos, encoder)
        return _rows(contents, features, time.perf_counter() - started)

    return encode


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


def encode_by_each(
    contents: Sequence[str], store: PhotoStore, encoders: Mapping[int, Encoder]
) -> dict[int, np.ndarray]:
    """Encode photos by encoders that take the same pictures, such as the models of all folds.

    Each photo is prepared once.

    Args:
        contents: sha-256 of each photo, at least one.
        store: The photos.
        encoders: By fold, of one preparation and size of batches.

    Returns:
        By fold, float32 [photos, features].
    """
    import torch

    first = next(iter(encoders.values()))
    encoded: dict[int, list[np.ndarray]] = {fold: [] for fold in encoders}
    for batch in photo_batches(contents, store, first.preparation, first.batch_size):
        pictures = torch.from_numpy(batch)
        for fold, encoder in encoders.items():
            encoded[fold].append(encoder.encode(pictures))
    return {fold: np.concatenate(parts) for fold, parts in encoded.items()}


def read_features(cache: ContentCache, contents: Sequence[str]) -> tuple[np.ndarray, float]:
    """Gather kept features.

    Args:
        cache: Holds every photo wanted.
        contents: sha-256 of each photo, repeated where photos are identical.

    Returns:
        Features [photos, width], float16 or, where that would overflow, float32; and the seconds
        that encoding these photos took when they were encoded.

    Raises:
        KeyError: A photo has no features.
    """
    if missing := missing_contents(cache, contents):
        raise KeyError(f"{len(missing)} photos have no features, the first is {missing[0]}.")
    kinds = {smallest_float(matrix_of(shard["features"])).dtype for shard in cache.shards()}
    matrix, seconds = np.empty((0, 0), np.float16), 0.0
    left = set(contents)
    for shard in cache.shards():
        keys = enumerate(shard["content"].to_pylist())
        row_of = {key: row for row, key in keys if key in left}  # two shards may hold one photo
        left -= row_of.keys()
        places = [place for place, content in enumerate(contents) if content in row_of]
        rows = [row_of[contents[place]] for place in places]
        features = matrix_of(shard["features"])
        if not matrix.size:
            matrix = np.empty((len(contents), features.shape[1]), np.result_type(*kinds))
        matrix[places] = features[rows]
        seconds += float(shard["seconds"].to_numpy()[sorted(row_of.values())].sum())
    return matrix, seconds


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
