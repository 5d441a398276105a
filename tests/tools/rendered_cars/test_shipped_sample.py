import csv
import io
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from tools.rendered_cars.sample_names import sample_names
from tools.rendered_cars.write import SAMPLE_SEED, photo_seed, rendered_jpeg

SAMPLE = Path(__file__).parents[3] / "data" / "01_raw" / "sample"
CLASSES = sorted(sample_names(24))


def train_photos():
    return {
        unicodedata.normalize("NFC", directory.name): sorted(directory.iterdir())
        for directory in (SAMPLE / "train").iterdir()
    }


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4e6


def test_it_has_the_curated_classes_with_24_photos_and_three_oddities():
    photos = train_photos()

    assert sorted(photos) == CLASSES
    assert sum(len(paths) for paths in photos.values()) == 24 * 24 + 3
    assert len(list((SAMPLE / "test").iterdir())) == 24 * 6


def test_its_answers_hold_six_photos_a_class():
    with (SAMPLE / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]

    assert Counter(labels) == dict.fromkeys(CLASSES, 6)


@pytest.mark.parametrize("index", [0, 5, 11, 18, 23])
def test_its_photos_can_be_rendered_again(index):
    name = CLASSES[index]
    looks_like = merge_aliases(CLASSES, CHALLENGE_ALIASES)[name]
    again = rendered_jpeg(looks_like, "train", photo_seed(SAMPLE_SEED, "train", index, 7))
    shipped, rendered = (
        np.asarray(Image.open(file), float) for file in (train_photos()[name][7], io.BytesIO(again))
    )

    # Other versions of Pillow may round differently here and there.
    assert np.abs(shipped - rendered).mean() < 3
