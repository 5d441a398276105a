"""Photos a second on one worker and on two of a Ray cluster on this machine, and without Ray.

    python -m benchmarks.ray_scaling

Both machines of the cluster are this one, with a core each. The three ways take turns over several
rounds in one process, on the same photos with the same encoder; the table shows medians. A first
round, in which workers start, and a way's first shares, in which they build the encoder, are not
counted. Then it says what travels for a photo, and how many photos a second the process that hands
them out can do, for the page `docs/many_machines.md`.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.building import encoder_key
from chajong.encoders.extraction import SHARD_PHOTOS, _rows, feature_schema, share_encoder
from chajong.encoders.parameters import PretrainedParameters
from chajong.engine import Engine, spread
from chajong.photos.content_cache import ContentCache
from chajong.photos.folder import scan_photo_folder
from chajong.photos.preparation import StoreSettings, open_photo_cache, prepare_photos
from chajong.photos.store import PhotoStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

NODE = {
    "num_cpus": 1,
    "object_store_memory": 200 << 20,
    "include_dashboard": False,
    "include_log_monitor": False,
    "node_ip_address": "127.0.0.1",
}
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback addresses only
    "RAY_worker_niceness": "0",  # as important as this process
    "RAY_idle_worker_killing_time_threshold_ms": "3600000",  # one that is held stays ready
}
Share = tuple[list[str], "PhotoStore"]
"""sha-256 of photos, and a store that has them."""

UNCOUNTED = 4
"""First shares of a way."""

WIDTH = 2048
"""Features of a photo, about as many as a large encoder's two views."""


def main() -> None:
    """Time the three ways and print the table."""
    arguments = _arguments()
    parameters = PretrainedParameters(
        library="timm", model=arguments.model, weights="random", flip=False, zoom=(1.0,)
    )
    make = partial(share_encoder, parameters, encoder_key(parameters))
    with tempfile.TemporaryDirectory() as folder, _Cluster() as cluster:
        store = _photos(arguments.raw_dir, Path(folder))
        ways: dict[str, Callable[[Iterator[Share]], Iterator[pa.Table]]] = {
            "this process": partial(map, make()),
            "one worker": partial(cluster.compute, make, 1),
            "two workers": partial(cluster.compute, make, 2),
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for rehearsal in (True, *[False] * arguments.rounds):  # workers start in the first round
            for name, way in ways.items():
                speed = _photos_per_second(way(_shares(store, arguments)))
                if not rehearsal:
                    speeds[name].append(speed)
        _print_table(speeds, arguments)
        _print_what_travels(store, Path(folder) / "features")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--raw-dir", type=Path, default=Path("data/01_raw/sample"))
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--shares", type=int, default=16)
    parser.add_argument("--share-photos", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


class _Cluster:
    """Two machines of one core, of which one can be held."""

    def __enter__(self) -> _Cluster:
        os.environ |= SETTINGS
        import ray
        from ray.cluster_utils import Cluster

        self._nodes = Cluster(initialize_head=True, head_node_args=NODE)
        self._nodes.add_node(**NODE)
        self._engine = Engine(kind="ray", address=self._nodes.address)
        ray.init(address=self._nodes.address, log_to_driver=False)
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        ray.shutdown()
        self._nodes.shutdown()

    def compute(
        self,
        make: Callable[[], Callable[[PhotoStore], pa.Table]],
        workers: int,
        shares: Iterator[Share],
    ) -> Iterator[pa.Table]:
        """Compute shares, on one machine while the other is held or on both."""
        import ray
        from ray.util import placement_group, remove_placement_group

        held = [placement_group([{"CPU": 1}]) for _ in range(2 - workers)]
        ray.get([each.ready() for each in held])
        yield from (rows for _, rows in spread(self._engine, make, shares))
        for each in held:
            remove_placement_group(each)


def _photos(raw_dir: Path, scratch: Path) -> PhotoStore:
    folder, settings = scan_photo_folder(raw_dir), StoreSettings()
    cache = open_photo_cache(scratch, settings)
    _, jpegs = prepare_photos(folder.read, folder.listing, settings, cache)
    return PhotoStore(jpegs)


def _shares(store: PhotoStore, arguments: argparse.Namespace) -> Iterator[Share]:
    contents = list(store.keys())
    for number in range(UNCOUNTED + arguments.shares):
        start = number * arguments.share_photos % (len(contents) - arguments.share_photos)
        share = contents[start : start + arguments.share_photos]
        yield share, store.only(share)


def _photos_per_second(results: Iterator[pa.Table]) -> float:
    for _ in range(UNCOUNTED):
        next(results)
    started = time.perf_counter()
    photos = sum(len(rows) for rows in results)
    return photos / (time.perf_counter() - started)


def _print_table(speeds: dict[str, list[float]], arguments: argparse.Namespace) -> None:
    print(
        f"\n{arguments.model}, shares of {arguments.share_photos} photos, a core a worker, median "
        f"of {arguments.rounds} rounds"
    )
    for name, values in speeds.items():
        spread_of = f"(from {min(values):.1f} to {max(values):.1f})"
        print(f"  {name:14} {median(values):7.1f} photos/s  {spread_of}")
    rounds = range(arguments.rounds)
    for over, under in (("two workers", "one worker"), ("one worker", "this process")):
        ratio = median(speeds[over][each] / speeds[under][each] for each in rounds)
        print(f"  {over} / {under}: {ratio:.2f}")


def _print_what_travels(store: PhotoStore, folder: Path) -> None:
    """Hand out photos and keep features of each, as the run's own process does, shard by shard."""
    contents, cache = list(store.keys()), ContentCache(folder, feature_schema())
    features = np.random.default_rng(0).normal(size=(SHARD_PHOTOS, WIDTH)).astype(np.float32)
    sizes, started = [], time.perf_counter()
    for start in range(0, len(contents), SHARD_PHOTOS):
        share = contents[start : start + SHARD_PHOTOS]
        sizes.append(len(pickle.dumps(store.only(share), protocol=5)))
        cache.append(_rows(share, features[: len(share)], seconds=1.0))
    rate = len(contents) / (time.perf_counter() - started)
    kept = sum(file.stat().st_size for file in folder.iterdir()) / len(contents)
    print(
        f"  A photo is {sum(sizes) / len(contents):,.0f} bytes on its way to a worker, and its "
        f"{WIDTH:,} features {kept:,.0f} bytes on the disk; one process hands out and keeps "
        f"{rate:,.0f} photos/s."
    )


if __name__ == "__main__":
    main()
