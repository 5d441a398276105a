"""Photos a second: end to end by each back-end, decoding alone, the model alone, and timm's loop.

    python -m benchmarks.extraction --raw-dir path/to/photos --model tf_efficientnet_lite0

Every way handles the same photos, one view of each, in one process, in turn, over several rounds;
the table shows medians, the processor's seconds in the program and in the kernel, and the ratios
that matter: end to end over the slower of decoding and model (1 is the most there can be where the
model has a device of its own), and end to end over timm's loop.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import timm
import torch
from PIL import Image

from chajong.encoders.building import build_encoder
from chajong.encoders.extraction import encode_photos
from chajong.encoders.parameters import PretrainedParameters
from chajong.photos.folder import scan_photo_folder
from chajong.photos.loading import photo_batches
from chajong.photos.preparation import StoreSettings, open_photo_cache, prepare_photos
from chajong.photos.store import PhotoStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.encoders.encoder import Encoder
    from chajong.encoders.parameters import Backend


DECODING = "decoding alone"


class TimmLoop:
    """timm's evaluation: its transform, its precision, one photo after another in one process."""

    def __init__(self, paths: list[Path], model: str, weights: str, batch_size: int) -> None:
        """Build the model with timm's own settings."""
        self._network = timm.create_model(model, pretrained=weights == "hub", num_classes=0).eval()
        config = timm.data.resolve_model_data_config(self._network)
        self._transform = timm.data.create_transform(**config, is_training=False)
        self._loader = torch.utils.data.DataLoader(paths, batch_size, collate_fn=self._collate)

    def _collate(self, paths: list[Path]) -> torch.Tensor:
        return torch.stack([self._transform(Image.open(path).convert("RGB")) for path in paths])

    def __call__(self) -> None:
        """Encode every photo."""
        with torch.inference_mode():
            for batch in self._loader:
                self._network(batch)


@dataclass(frozen=True)
class Round:
    """What one round of a way took: photos a second, and the processor's seconds by their place."""

    speed: float
    user: float
    system: float


def main() -> None:
    """Time every way and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        store, paths = prepared_photos(arguments.raw_dir, Path(folder), arguments.photos)
        contents = list(store.keys())[: len(paths)]
        ways: dict[str, Callable[[], None]] = {}
        for backend in arguments.backends:
            encoder = build_encoder(_parameters(arguments, backend))
            ways |= _ways(store, contents, encoder, backend)
        ways["timm's loop"] = TimmLoop(
            paths, arguments.model, arguments.weights, arguments.batch_size
        )
        rounds = _time(ways, len(contents), arguments.rounds)
    _print_table(rounds, len(contents), arguments)


def _parameters(arguments: argparse.Namespace, backend: Backend) -> PretrainedParameters:
    return PretrainedParameters(
        library="timm",
        model=arguments.model,
        weights=arguments.weights,
        fit="crop",
        flip=False,
        zoom=(1.0,),
        batch_size=arguments.batch_size,
        backend=backend,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--raw-dir", type=Path, default=Path("data/01_raw/sample"))
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="random", help="hub, random or a safetensors file")
    parser.add_argument("--photos", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    present = ["torch", "openvino"] if find_spec("openvino") else ["torch"]
    parser.add_argument("--backends", nargs="+", default=present)
    return parser.parse_args()


def prepared_photos(raw_dir: Path, scratch: Path, count: int) -> tuple[PhotoStore, list[Path]]:
    """Prepare the first photos of a folder; gives the store, and the paths in its order."""
    folder = scan_photo_folder(raw_dir)
    settings = StoreSettings()
    listing = folder.listing.head(count)
    photos, jpegs = prepare_photos(
        folder.read, listing, settings, open_photo_cache(scratch, settings)
    )
    readable = photos[photos["status"] == "ok"].drop_duplicates("sha256")
    return PhotoStore(jpegs), [raw_dir / path for path in readable["path"]]


def _ways(
    store: PhotoStore, contents: list[str], encoder: Encoder, backend: Backend
) -> dict[str, Callable[[], None]]:
    batches = partial(photo_batches, contents, store, encoder.preparation, encoder.batch_size)
    prepared = [torch.from_numpy(batch) for batch in batches()]

    def end_to_end() -> None:
        for _ in encode_photos(contents, store, encoder):
            pass

    def decode_only() -> None:
        for _ in batches():
            pass

    def model_only() -> None:
        for batch in prepared:
            encoder.encode(batch)

    return {
        DECODING: decode_only,
        f"end to end, {backend}": end_to_end,
        f"model alone, {backend}": model_only,
    }


def _time(ways: dict[str, Callable[[], None]], photos: int, rounds: int) -> dict[str, list[Round]]:
    for way in ways.values():
        way()  # warms caches and the allocator, not counted
    taken: dict[str, list[Round]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before, started = os.times(), time.perf_counter()
            way()
            speed, after = photos / (time.perf_counter() - started), os.times()
            taken[name].append(Round(speed, after.user - before.user, after.system - before.system))
    return taken


def _print_table(
    rounds: dict[str, list[Round]], photos: int, arguments: argparse.Namespace
) -> None:
    print(
        f"\n{arguments.model}, {photos} photos, batches of {arguments.batch_size}, "
        f"{torch.get_num_threads()} threads, median of {arguments.rounds} rounds"
    )
    print(f"  {'':24}{'photos/s':>10}{'from':>9}{'to':>9}{'user s':>9}{'kernel s':>10}")
    for name, each in rounds.items():
        speeds = [one.speed for one in each]
        user, system = median(one.user for one in each), median(one.system for one in each)
        print(
            f"  {name:24}{median(speeds):10.1f}{min(speeds):9.1f}{max(speeds):9.1f}"
            f"{user:9.2f}{system:10.2f}"
        )
    for backend in arguments.backends:
        whole, model = rounds[f"end to end, {backend}"], rounds[f"model alone, {backend}"]
        slower = [
            min(decoded.speed, computed.speed)
            for decoded, computed in zip(rounds[DECODING], model, strict=True)
        ]
        print(f"  {backend}: end to end / slower of decoding and model {_ratio(whole, slower):.2f}")
        timm_speeds = [one.speed for one in rounds["timm's loop"]]
        print(f"  {backend}: end to end / timm's loop {_ratio(whole, timm_speeds):.2f}")


def _ratio(rounds: list[Round], others: list[float]) -> float:
    return median(one.speed / other for one, other in zip(rounds, others, strict=True))


if __name__ == "__main__":
    main()
