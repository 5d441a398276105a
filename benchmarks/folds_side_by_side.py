"""Trainings of folds one after another on all processors, and side by side on one each.

    python -m benchmarks.folds_side_by_side --model regnetx_002 --height 80 --width 128

Both ways take turns over several rounds, on the same photos and with random weights. A round of
each that is not counted starts the processes. Prints the median photos a second and their ratio.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from chajong.engine import Engine
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.parameters import BackboneParameters
from chajong.photos.folder import scan_photo_folder
from chajong.photos.preparation import StoreSettings, open_photo_cache, prepare_photos
from chajong.photos.store import PhotoStore
from chajong.threads import threads
from chajong.training.fold_training import train_folds
from chajong.training.parameters import TrainingParameters
from chajong.training.photo_batches import LabelledPhotos

SAMPLE = Path("data/01_raw/sample")
FOLDS = 4


def main() -> None:
    """Time both ways and print the ratio."""
    arguments = _arguments()
    ways = {"one after another": Engine(cpus=threads()), "side by side": Engine()}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(arguments.raw_dir, Path(folder))
        for rehearsal in (True, *[False] * arguments.rounds):
            for way, engine in ways.items():
                speed = _photos_per_second(photos, engine, arguments)
                if not rehearsal:
                    speeds[way].append(speed)
    for way, measured in speeds.items():
        least, most = min(measured), max(measured)
        print(f"{way:18} {median(measured):.1f} photos/s ({least:.1f} to {most:.1f})")
    alone, together = (median(measured) for measured in speeds.values())
    print(f"ratio {together / alone:.2f}, {arguments.rounds} rounds, {threads()} processors")


def _photos_per_second(
    photos: LabelledPhotos, engine: Engine, arguments: argparse.Namespace
) -> float:
    """Train four folds, each on three quarters of the photos."""
    model = BackboneParameters(
        model=arguments.model, weights="random", image_size=(arguments.height, arguments.width)
    )
    folds = pd.DataFrame(
        {
            "photo_id": photos.photo_ids,
            "group": np.arange(len(photos)),
            "fold": np.arange(len(photos)) % FOLDS,
            "label_counts": True,
        }
    )
    build = partial(build_backbone, model, int(photos.labels.max()) + 1)
    settings = TrainingParameters(epochs=1, batch_size=16)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        trained = train_folds(
            lambda _: build, photos, folds, settings, Path(folder), model.model, engine
        )
        seconds = time.perf_counter() - started
    seen = sum(model.steps_per_epoch for model in trained.values()) * settings.batch_size
    return seen / seconds


def _photos(raw_dir: Path, scratch: Path) -> LabelledPhotos:
    """Prepare the train photos of a folder, labelled by their own folders."""
    folder, settings = scan_photo_folder(raw_dir), StoreSettings()
    cache = open_photo_cache(scratch, settings)
    table, jpegs = prepare_photos(folder.read, folder.listing, settings, cache)
    used = table[(table["split"] == "train") & (table["status"] == "ok")]
    labels = pd.factorize(used["class_name"])[0]
    return LabelledPhotos(PhotoStore(jpegs), tuple(used["sha256"]), labels, tuple(used["photo_id"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw-dir", type=Path, default=SAMPLE)
    parser.add_argument("--model", default="regnetx_002")
    parser.add_argument("--height", type=int, default=80)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
