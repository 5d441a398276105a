"""Group near-duplicates by the hash alone and with the pixels' confirmation, side by side.

python -m benchmarks.near_duplicates data/01_raw/sample
python -m benchmarks.near_duplicates path/to/cars98 --planted 300
python -m tools.rendered_cars path/to/rendered --models 300 --train-photos 48 --test-photos 1
python -m benchmarks.near_duplicates path/to/rendered
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image, ImageEnhance, ImageOps

from chajong.photos.folder import scan_photo_folder
from chajong.photos.near_duplicates import connected_groups, hash_bits, near_duplicates_of
from chajong.photos.preparation import (
    StoreSettings,
    open_photo_cache,
    prepare_photo,
    prepare_photos,
)
from chajong.photos.store import PhotoStore
from chajong.photos.table import readable_photos

HASH_RADIUS = 6
"""The radius of the hash alone: a wider one joins more that is not the same."""

SHOWN = 20

Change = Callable[[Image.Image, np.random.Generator], Image.Image]
Grouping = Callable[[pd.DataFrame, PhotoStore], np.ndarray]


def by_hash_alone(photos: pd.DataFrame, store: PhotoStore) -> np.ndarray:
    """Group photos whose hashes differ in few bits, whatever the pixels say.

    Args:
        photos: The column perceptual_hash.
        store: The photos, which are not looked at.

    Returns:
        A group label for each photo, int64 of shape [n].
    """
    distinct, place = np.unique(hash_bits(photos["perceptual_hash"]), return_inverse=True)
    near = [
        first + 1 + np.flatnonzero(np.bitwise_count(one ^ distinct[first + 1 :]) <= HASH_RADIUS)
        for first, one in enumerate(distinct)
    ]
    pairs = [
        np.column_stack([np.full(len(later), first), later]) for first, later in enumerate(near)
    ]
    return connected_groups(np.concatenate(pairs), len(distinct))[place]


GROUPINGS: dict[str, Grouping] = {
    f"hash alone, radius {HASH_RADIUS}": by_hash_alone,
    "hash, then pixels": near_duplicates_of,
}


def cut(picture: Image.Image, share: float, generator: np.random.Generator) -> Image.Image:
    """Cut a share of both sides away, at random places."""
    sides = [round(side * (1 - share)) for side in picture.size]
    left, top = (
        int(generator.integers(0, whole - side + 1))
        for whole, side in zip(picture.size, sides, strict=True)
    )
    return picture.crop((left, top, left + sides[0], top + sides[1]))


def _gamma(picture: Image.Image, gamma: float) -> Image.Image:
    return picture.point(lambda level: 255 * (level / 255) ** gamma)


CHANGES: dict[str, Change] = {
    "encoded again at 60 %": lambda one, _: one.resize(
        (one.width * 6 // 10, one.height * 6 // 10), Image.Resampling.BICUBIC
    ),
    "3 % cut off": lambda one, generator: cut(one, 0.03, generator),
    "5 % cut off": lambda one, generator: cut(one, 0.05, generator),
    "10 % cut off": lambda one, generator: cut(one, 0.10, generator),
    "mirrored": lambda one, _: ImageOps.mirror(one),
    "mirrored, 3 % cut off": lambda one, generator: cut(ImageOps.mirror(one), 0.03, generator),
    "brightness x 1.4": lambda one, _: ImageEnhance.Brightness(one).enhance(1.4),
    "brightness x 0.6": lambda one, _: ImageEnhance.Brightness(one).enhance(0.6),
    "gamma 0.6": lambda one, _: _gamma(one, 0.6),
    "gamma 1.6": lambda one, _: _gamma(one, 1.6),
    "grey": lambda one, _: one.convert("L"),
}


def planted(
    photos: pd.DataFrame, store: PhotoStore, change: Change, count: int
) -> tuple[pd.DataFrame, PhotoStore]:
    """Add changed copies of some photos to all of them.

    Args:
        photos: Readable photos.
        store: The photos themselves.
        change: What becomes of a copy.
        count: Number of copies.

    Returns:
        The photos with the copies after them, and a column `origin`: the row of the photo that
        each shows; and the store of both.
    """
    generator = np.random.default_rng(0)
    origins = generator.choice(len(photos), min(count, len(photos)), replace=False)
    copies = []
    for sha256 in photos["sha256"].iloc[origins]:
        file = BytesIO()
        picture = Image.open(BytesIO(store.jpeg(sha256))).convert("RGB")
        change(picture, generator).save(file, "JPEG", quality=75)
        copies.append(vars(prepare_photo(file.getvalue(), StoreSettings())))
    numbered = photos.assign(origin=range(len(photos)))
    both = pd.concat([numbered, pd.DataFrame(copies).assign(origin=origins)], ignore_index=True)
    added = pa.Table.from_pylist(copies, store.table.schema)
    return both, PhotoStore(pa.concat_tables([store.table, added]))


def pairs_across_classes(photos: pd.DataFrame, groups: np.ndarray) -> Iterator[tuple[str, str]]:
    """Give the pairs of photos that are in one group and of different classes."""
    for _, rows in photos.groupby(groups):
        for one, other in combinations(rows.itertuples(), 2):
            if one.class_name != other.class_name:
                yield one.photo_id, other.photo_id


def report(name: str, photos: pd.DataFrame, groups: np.ndarray, seconds: float) -> None:
    """Print what a grouping joined."""
    sizes = np.bincount(groups)
    across = list(pairs_across_classes(photos, groups))
    print(
        f"{name:<22}{len(sizes):>8,} groups{(sizes[groups] > 1).sum():>8,} photos hang together"
        f"{sizes.max():>7,} in the largest{len(across):>10,} pairs across classes{seconds:>8.1f} s"
    )
    if len(across) <= SHOWN:
        print(*(f"    {one} = {other}" for one, other in across), sep="\n")


def report_planted(name: str, photos: pd.DataFrame, groupings: list[np.ndarray]) -> None:
    """Print how many copies joined their originals, and how many joined another photo too."""
    origin = photos["origin"].to_numpy()
    copies = np.arange(len(origin)) > origin.max()
    print(f"    {name:<24}", end="")
    for groups in groupings:
        found = groups[copies] == groups[origin[copies]]
        shown = pd.Series(origin).groupby(groups).nunique().to_numpy()
        print(f"{found.mean():>10.1%} ({(shown[groups[copies]] > 1).sum():>3,})", end="")
    print()


def main() -> None:
    """Print what both groupings join in a folder, and which planted copies they find."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photos in the challenge's layout")
    parser.add_argument("--planted", type=int, default=0, help="copies of each kind to plant")
    arguments = parser.parse_args()
    folder, settings = scan_photo_folder(arguments.folder), StoreSettings()
    with TemporaryDirectory() as scratch:
        cache = open_photo_cache(Path(scratch), settings)
        listing = folder.listing[folder.listing["split"] == "train"]
        table, jpegs = prepare_photos(folder.read, listing, settings, cache, progress=False)
        photos, store = readable_photos(table, "train"), PhotoStore(jpegs)
        print(f"{arguments.folder}: {len(photos):,} photos")
        for name, group in GROUPINGS.items():
            start = perf_counter()
            groups = group(photos, store)
            report(name, photos, groups, perf_counter() - start)
        if arguments.planted:
            names = " | ".join(GROUPINGS)
            print(f"Of {arguments.planted} copies found (joined with other photos): {names}")
        for name, change in CHANGES.items() if arguments.planted else ():
            both, of_both = planted(photos, store, change, arguments.planted)
            report_planted(name, both, [group(both, of_both) for group in GROUPINGS.values()])


if __name__ == "__main__":
    main()
