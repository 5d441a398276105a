"""Photos a second: end to end, decoding alone, the model alone, and timm's own loop.

    python -m benchmarks.extraction --raw-dir path/to/photos --model tf_efficientnet_lite0

Every way handles the same photos in one process, in turn, over several rounds; the table shows
medians and the two ratios that matter: end to end over the slower of decoding and model (1 is the
most there can be where the model has a device of its own), and end to end over timm's loop.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
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


def main() -> None:
    """Time the four ways and print the table."""
    arguments = _arguments()
    parameters = PretrainedParameters(
        library="timm",
        model=arguments.model,
        weights=arguments.weights,
        fit="crop",
        flip=False,
        zoom=(1.0,),
        batch_size=arguments.batch_size,
    )
    encoder = build_encoder(parameters)
    with tempfile.TemporaryDirectory() as folder:
        store, paths = prepared_photos(arguments.raw_dir, Path(folder), arguments.photos)
        contents = list(store.keys())[: len(paths)]
        ways = _ways(store, contents, encoder)
        ways["timm's loop"] = TimmLoop(
            paths, arguments.model, arguments.weights, arguments.batch_size
        )
        speeds = _time(ways, len(contents), arguments.rounds)
    _print_table(speeds, len(contents), arguments)


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
    store: PhotoStore, contents: list[str], encoder: Encoder
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

    return {"end to end": end_to_end, "decoding alone": decode_only, "model alone": model_only}


def _time(ways: dict[str, Callable[[], None]], photos: int, rounds: int) -> dict[str, list[float]]:
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # warms caches and the allocator, not counted
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            speeds[name].append(photos / (time.perf_counter() - started))
    return speeds


def _print_table(
    speeds: dict[str, list[float]], photos: int, arguments: argparse.Namespace
) -> None:
    print(
        f"\n{arguments.model}, {photos} photos, batches of {arguments.batch_size}, "
        f"{torch.get_num_threads()} threads, median of {arguments.rounds} rounds"
    )
    for name, values in speeds.items():
        print(
            f"  {name:16} {median(values):9.1f} photos/s  "
            f"(from {min(values):.1f} to {max(values):.1f})"
        )
    rounds = range(arguments.rounds)
    slower = [min(speeds["decoding alone"][i], speeds["model alone"][i]) for i in rounds]
    to_slower = median(speeds["end to end"][i] / slower[i] for i in rounds)
    to_timm = median(speeds["end to end"][i] / speeds["timm's loop"][i] for i in rounds)
    print(f"  end to end / slower of decoding and model: {to_slower:.2f}")
    print(f"  end to end / timm's loop:                  {to_timm:.2f}")


if __name__ == "__main__":
    main()
