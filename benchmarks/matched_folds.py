"""Time and memory of matched folds at the size of the challenge.

    OMP_NUM_THREADS=2 python -m benchmarks.matched_folds [--photos 33000] [--width 512]

Features are drawn around the centres of classes, of scenes of about five photos within a class, and
of photos within a scene; new photos come from scenes of their own. What is timed is all that
`assign_folds` does with features: matching, and the folds of the groups that it chooses.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from chajong.training.folds import make_folds
from chajong.training.matched_folds import match_groups
from chajong.training.parameters import MatchedFoldsParameters

FOLDS = 5
SCENE_PHOTOS = 5
SCENE_SPREAD, PHOTO_SPREAD = 0.8, 0.3


def draw(
    count: int, width: int, classes: int, scene_photos: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw photos in scenes: float32 features and classes; seeds share the classes' centres."""
    centres = np.random.default_rng(0).standard_normal((classes, width), np.float32)
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    # Photos of one class follow one another by `classes`, and so do those of a scene.
    scene = np.arange(count) // (classes * scene_photos) * classes + labels
    scenes = generator.standard_normal((scene.max() + 1, width), np.float32)
    photos = generator.standard_normal((count, width), np.float32) * PHOTO_SPREAD
    return centres[labels] + scenes[scene] * SCENE_SPREAD + photos, labels


def main() -> None:
    """Match, and print seconds, memory and what was chosen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=33_000)
    parser.add_argument("--new", type=int, default=8_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--classes", type=int, default=396)
    given = parser.parse_args()
    train, labels = draw(given.photos, given.width, given.classes, SCENE_PHOTOS, seed=1)
    new, _ = draw(given.new, given.width, given.classes, 1, seed=2)
    names = labels.astype(str).tolist()
    began, computed = time.perf_counter(), time.process_time()
    matching = match_groups(
        train,
        new,
        names,
        np.arange(given.photos),
        thresholds=MatchedFoldsParameters().thresholds,
        fold_count=FOLDS,
        seed=0,
    )
    matched = time.perf_counter()
    make_folds(
        [f"{number:06d}" for number in range(given.photos)],
        names,
        matching.chosen.groups,
        label_counts=np.ones(given.photos, bool),
        fold_count=FOLDS,
        calibration_fraction=0.06,
        seed=0,
    )
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(matching.table().to_string(index=False, float_format="%.3f"))
    print(f"{given.photos:,} photos of {given.width} features in {given.classes} classes")
    print(f"matching {matched - began:.1f} s, folds {ended - matched:.1f} s (aim 60 s in all)")
    print(f"processor time {time.process_time() - computed:.1f} s; memory {peak:.2f} GB (aim 2)")


if __name__ == "__main__":
    main()
