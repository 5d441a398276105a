"""Rendered photos as a folder in the challenge's layout."""

from __future__ import annotations

import csv
import multiprocessing
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.whole import whole_folder
from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.oddities import add_oddities, nfd_class
from tools.rendered_cars.photo import encode_jpeg, render_photo
from tools.rendered_cars.sample_names import sample_names
from tools.rendered_cars.scene import draw_scene

SAMPLE_CLASSES, SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_SEED = 24, 24, 6, 20250519
Split = Literal["train", "test"]
EXPOSURES: dict[Split, float] = {"train": 1.0, "test": 0.8}
"""Mean exposures: the challenge's test photos are darker than its train photos."""

ONE_PROCESS_PHOTOS = 1500
"""Up to this many photos, starting worker processes would take longer than it saves."""


@dataclass(frozen=True)
class _ClassJob:
    """All photos of one class."""

    name: str
    """Name that decides the appearance: the first of a group of aliases."""
    index: int
    train_paths: tuple[Path, ...]
    test_paths: tuple[Path, ...]
    seed: int
    size: tuple[int, int]


def write_shipped_sample(folder: Path) -> None:
    """Write the photos and tables of `data/01_raw/sample/` again.

    Byte for byte with the same versions of NumPy and Pillow.

    Args:
        folder: Where to write it; must not hold photos yet.
    """
    names = sample_names(SAMPLE_CLASSES)
    write_rendered_photos(folder, names, SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_SEED, oddities=True)


def write_rendered_photos(
    folder: Path,
    names: Sequence[str],
    train_per_class: int,
    test_per_class: int,
    seed: int,
    size: tuple[int, int] = (160, 100),
    oddities: bool = False,
    progress: bool = True,
) -> None:
    """Render photos of cars and write them as the challenge's folder.

    Writes `train/<class>/<class>_NNNN.jpg`, `test/TEST_NNNNN.jpg`, `test.csv` and
    `sample_submission.csv`, both with a BOM, and `answers.csv` (ID, label): the classes of
    the test photos, for people and tests; no pipeline reads it. Every photo is drawn from
    its own seed, so the same arguments give the same files in any number of processes.

    Args:
        folder: Where to write; made if missing.
        names: Class names. Aliases of the challenge get the same car.
        train_per_class: Train photos a class.
        test_per_class: Test photos a class; test IDs are shuffled over the classes.
        seed: Seed of everything drawn at random.
        size: Width and height in pixels.
        oddities: Also write what real folders hold (see `oddities.add_oddities`); needs two
            classes, two train photos a class and a test photo.
        progress: Show a progress bar.

    Raises:
        ValueError: If two names are the same in NFC.
        FileExistsError: If the folder already holds something.
    """
    classes = _sorted_classes(names)
    test_labels = _shuffled_labels(classes, test_per_class, seed)
    nfd = nfd_class(classes) if oddities else None
    with whole_folder(folder, sealed=False) as unfinished:
        jobs = list(_class_jobs(unfinished, classes, train_per_class, test_labels, seed, size, nfd))
        for path in {path.parent for job in jobs for path in (*job.train_paths, *job.test_paths)}:
            path.mkdir(parents=True, exist_ok=True)
        _run(jobs, progress)
        _write_tables(unfinished, classes, test_labels)
        if oddities:
            add_oddities(unfinished, classes)


def photo_seed(seed: int, split: Split, class_index: int, number: int) -> tuple[int, ...]:
    """Seed of one photo: of the folder, its split, its class in sorted order, its number."""
    return seed, ("train", "test").index(split), class_index, number


def rendered_jpeg(
    name: str, split: Split, seed: tuple[int, ...], size: tuple[int, int] = (160, 100)
) -> bytes:
    """Render one photo of a class.

    Args:
        name: Name that decides the appearance: the first of a group of aliases.
        split: Test photos are darker than train photos.
        seed: From `photo_seed`; decides everything but the car's model.
        size: Width and height in pixels.

    Returns:
        A JPEG file.
    """
    scene = draw_scene(np.random.default_rng(seed), EXPOSURES[split])
    return encode_jpeg(render_photo(appearance_of(name), scene, size).image, scene.jpeg_quality)


def train_directory(folder: Path, name: str, nfd: str | None = None) -> Path:
    """Folder of a class's train photos; in NFD, as zips made on a Mac have it, for `nfd`."""
    return folder / "train" / unicodedata.normalize("NFD" if name == nfd else "NFC", name)


def _sorted_classes(names: Sequence[str]) -> list[str]:
    classes = sorted(unicodedata.normalize("NFC", name) for name in names)
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise ValueError(f"class names occur twice: {twice}; name each class once")
    return classes


def _shuffled_labels(classes: Sequence[str], per_class: int, seed: int) -> list[str]:
    labels = [name for name in classes for _ in range(per_class)]
    order = np.random.default_rng(seed).permutation(len(labels))
    return [labels[i] for i in order]


def _class_jobs(
    folder: Path,
    classes: Sequence[str],
    train_per_class: int,
    test_labels: Sequence[str],
    seed: int,
    size: tuple[int, int],
    nfd: str | None,
) -> Iterator[_ClassJob]:
    effective = merge_aliases(classes, CHALLENGE_ALIASES)
    for index, name in enumerate(classes):
        directory = train_directory(folder, name, nfd)
        test_numbers = [number for number, label in enumerate(test_labels) if label == name]
        yield _ClassJob(
            effective[name],
            index,
            tuple(directory / f"{directory.name}_{k:04d}.jpg" for k in range(train_per_class)),
            tuple(folder / "test" / f"{_test_id(number)}.jpg" for number in test_numbers),
            seed,
            size,
        )


def _run(jobs: Sequence[_ClassJob], progress: bool) -> None:
    from tqdm import tqdm

    counts = [len(job.train_paths) + len(job.test_paths) for job in jobs]
    with tqdm(total=sum(counts), desc="rendering", unit="photo", disable=not progress) as bar:
        for count in _rendered_counts(jobs, sum(counts)):
            bar.update(count)


def _rendered_counts(jobs: Sequence[_ClassJob], photos: int) -> Iterable[int]:
    """Number of photos written, class by class."""
    if photos <= ONE_PROCESS_PHOTOS:
        yield from map(_render_class, jobs)
        return
    # A forked child of a process with running threads can hang; a spawned one cannot.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        yield from pool.map(_render_class, jobs)


def _render_class(job: _ClassJob) -> int:
    paths_of: dict[Split, tuple[Path, ...]] = {"train": job.train_paths, "test": job.test_paths}
    for split, paths in paths_of.items():
        for number, path in enumerate(paths):
            seed = photo_seed(job.seed, split, job.index, number)
            path.write_bytes(rendered_jpeg(job.name, split, seed, job.size))
    return len(job.train_paths) + len(job.test_paths)


def _write_tables(folder: Path, classes: Sequence[str], test_labels: Sequence[str]) -> None:
    ids = [_test_id(number) for number in range(len(test_labels))]
    _write_csv(folder / "test.csv", ["ID", "img_path"], [[i, f"./test/{i}.jpg"] for i in ids])
    zeros = [[i, *[0] * len(classes)] for i in ids]
    _write_csv(folder / "sample_submission.csv", ["ID", *classes], zeros)
    answers = [list(row) for row in zip(ids, test_labels, strict=True)]
    _write_csv(folder / "answers.csv", ["ID", "label"], answers)


def _write_csv(path: Path, header: list[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _test_id(number: int) -> str:
    return f"TEST_{number:05d}"
