"""Answers a second of a saved ensemble: photo by photo, as the page asks, and many at once.

    python -m benchmarks.inference --photos data/01_raw/sample/test

Both sides are in one process and take turns: the ensemble with every model computed by torch, and
as `CarClassifier` runs it, once it has settled on what computes each model. Members follow, photo
by photo, in the processor's own seconds.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from chajong.encoders import backends
from chajong.inference.classifier import CarClassifier
from chajong.inference.given_photos import photo_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.inference.new_photos import PhotoFile


@dataclass(frozen=True)
class Taken:
    """Answers a second by the clock, and by the seconds of the processor."""

    by_clock: float
    by_processor: float


def main() -> None:
    """Load both, time them, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--ensemble", type=Path, default=Path("data/06_models/ensemble"))
    parser.add_argument("--photos", type=Path, default=Path("data/01_raw/sample/test"))
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    files = photo_files(given.photos)[: given.count]
    sides = {"torch": _by_torch(given.ensemble), "settled": _settled(given.ensemble, files)}
    apart = [side.answer(files).log_probabilities for side in sides.values()]
    print(
        f"largest difference of a probability: {np.abs(np.diff(np.exp(apart), axis=0)).max():.2g}"
    )
    for way, size in (("photo by photo", 1), (f"{len(files)} at once", len(files))):
        rounds: dict[str, list[Taken]] = {name: [] for name in sides}
        for _ in range(given.rounds):
            for name, side in sides.items():
                rounds[name].append(_time(side, files, size))
        for name, taken in rounds.items():
            clock, processor = (
                median(getattr(each, of) for each in taken) for of in ("by_clock", "by_processor")
            )
            print(f"{way:16} {name:8} {clock:7.2f} answers/s {processor:7.2f} a processor's second")
    for member in sides["settled"].ensemble.asked:
        torch_, settled = (
            1 / _time(_alone(side, member), files, 1).by_processor for side in sides.values()
        )
        print(f"{member:16} {torch_:7.3f} s by torch {settled:7.3f} s settled")


def _by_torch(ensemble: Path) -> CarClassifier:
    classifier = CarClassifier.load(ensemble)
    with patch.object(backends, "find_spec", lambda name: None):
        classifier.warm_up()
    return classifier


def _settled(ensemble: Path, files: Sequence[PhotoFile]) -> CarClassifier:
    """Let the first photos decide what computes each model."""
    classifier = CarClassifier.load(ensemble)
    with patch.object(backends, "PATIENCE", 1e-9):
        classifier.warm_up()
        classifier.answer(files[:1])
    return classifier


def _alone(classifier: CarClassifier, member: str) -> CarClassifier:
    """Ask one member by the models that are there already."""
    alone = classifier.only(member)
    alone._models, alone._proved = classifier._models, True
    return alone


def _time(classifier: CarClassifier, files: Sequence[PhotoFile], size: int) -> Taken:
    before, started = os.times(), time.perf_counter()
    for start in range(0, len(files), size):
        classifier.answer(files[start : start + size])
    seconds, after = time.perf_counter() - started, os.times()
    used = after.user - before.user + after.system - before.system
    return Taken(len(files) / seconds, len(files) / used)


if __name__ == "__main__":
    main()
