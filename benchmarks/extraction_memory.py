"""Does the memory of an extraction grow with its photos: shard by shard, against all at once.

    python -m benchmarks.extraction_memory
    python -m benchmarks.extraction_memory --photos 1000 3000

Photos of one size are encoded by the encoder `hog`, each number of them and each way in a fresh
process. All at once means that pages of the photo store stay in memory once they are read, and
that kept features are gathered in one table; shard by shard is what `features_of_photos` does. The
matrix of features itself, which both give back, stands beside the peaks.
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT = 640, 427


def main() -> None:
    """Measure both ways and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, nargs="+", default=[3_100, 9_300])
    counts = parser.parse_args().photos
    print(f"\nphotos of {WIDTH} x {HEIGHT}, encoder hog, peak memory in MB")
    print(f"{'photos':>8}{'store':>8}{'features':>10}{'all at once':>14}{'shard by shard':>16}")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            size = _in_fresh_process(_write_store, folder, count)
            features, whole = _in_fresh_process(_all_at_once, folder)
            same, parts = _in_fresh_process(_shard_by_shard, folder)
        if not np.array_equal(features, same):
            raise SystemExit("The two ways give other features.")
        columns = f"{size / 1e6:8.0f}{same.nbytes / 1e6:10.0f}{whole / 1e6:14.0f}"
        print(f"{count:8}{columns}{parts / 1e6:16.0f}", flush=True)


def _in_fresh_process(work: Callable[..., Any], *arguments: object) -> Any:
    # A process starts with the peak of the one that it came from: this one stays small.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _write_store(folder: str, count: int) -> int:
    import pyarrow as pa
    from PIL import Image

    from chajong.tables import write_table

    patches = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize((WIDTH, HEIGHT)).save(file, "JPEG", quality=92)
    photos = pa.array(
        [file.getvalue() + bytes([row % 256]) for row in range(count)], pa.large_binary()
    )
    table = pa.table({"sha256": [f"{row:064x}" for row in range(count)], "jpeg": photos})
    table = table.replace_schema_metadata({"preparation": "one", "settings": "{}"})
    write_table(table, _store_file(folder))
    return _store_file(folder).stat().st_size


def _store_file(folder: str) -> Path:
    return Path(folder) / "store.arrow"


def _shard_by_shard(folder: str) -> tuple[np.ndarray, int]:
    import pandas as pd

    from chajong.encoders.extraction import features_of_photos
    from chajong.encoders.parameters import HogParameters
    from chajong.photos.store import open_photo_store

    store = open_photo_store(_store_file(folder))
    photos = pd.DataFrame({"photo_id": list(store.keys()), "sha256": list(store.keys())})
    features, _ = features_of_photos(
        photos.assign(status="ok"), store, "parts", Path(folder), HogParameters()
    )
    return features.matrix, _peak()


def _all_at_once(folder: str) -> tuple[np.ndarray, int]:
    from chajong.encoders.building import build_encoder
    from chajong.encoders.extraction import extract_features, feature_schema, smallest_float
    from chajong.encoders.features import matrix_of
    from chajong.encoders.parameters import HogParameters
    from chajong.photos.content_cache import ContentCache
    from chajong.photos.store import PhotoStore
    from chajong.tables import read_table

    store = PhotoStore(read_table(_store_file(folder)))
    cache = ContentCache(Path(folder) / "whole", feature_schema())
    contents = list(store.keys())
    extract_features(contents, store, build_encoder(HogParameters()), cache, "all at once")
    kept = cache.table()
    position = {key: row for row, key in enumerate(kept.column("content").to_pylist())}
    rows = [position[content] for content in contents]
    return smallest_float(matrix_of(kept.column("features").take(rows))), _peak()


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
