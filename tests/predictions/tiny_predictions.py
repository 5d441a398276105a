"""A tiny data set: four names of three cars, eight train photos in two folds, three test photos."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.contract import (
    Predictions,
    contract_hash,
    effective_class_names,
    normalise_log,
)


def align_to_photos(predictions: Predictions, photo_ids: list[str]) -> Predictions:
    """One row a photo, in the order of the ids."""
    places = pd.Index(predictions.rows["photo_id"]).get_indexer(photo_ids)
    assert (places >= 0).all()
    return predictions.take(places)


@pytest.fixture
def classes() -> pd.DataFrame:
    names = ["라브4_4세대_2013_2018", "쏘나타_2019_2023", "RAV4_2016_2018", "아반떼_2020_2022"]
    return pd.DataFrame(
        {"name": names, "effective_class": [names[0], names[1], names[0], names[3]]}
    )


@pytest.fixture
def folds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "photo_id": [f"train/쏘나타_2019_2023/{number}.jpg" for number in range(8)],
            "fold": [0, 1, 0, 1, 0, 1, -1, -1],
            "label_counts": [True, True, True, False, True, True, True, True],
            "group": [0, 1, 2, 3, 4, 5, 6, 6],
            "encoder": "",
        }
    )


@pytest.fixture
def photos(classes: pd.DataFrame, folds: pd.DataFrame, test_ids: list[str]) -> pd.DataFrame:
    """The photos of the folds, each of the next class name, and the test photos."""
    names = classes["name"].to_numpy()
    train = pd.DataFrame(
        {
            "photo_id": folds["photo_id"],
            "split": "train",
            "class_name": names[np.arange(len(folds)) % len(names)],
        }
    )
    test = pd.DataFrame({"photo_id": test_ids, "split": "test"})
    both = pd.concat([train, test], ignore_index=True)
    return both.assign(status="ok", sha256=[f"{number:064x}" for number in range(len(both))])


@pytest.fixture
def test_ids() -> list[str]:
    return ["TEST_00000", "TEST_00001", "TEST_00002"]


def member_rows(folds: pd.DataFrame, test_ids: list[str]) -> pd.DataFrame:
    """The rows a complete member has."""
    all_folds = [fold for fold in sorted(folds["fold"].unique()) if fold >= 0]
    rows = [
        (photo.photo_id, "calibration" if photo.fold < 0 else "train", fold, photo.label_counts)
        for photo in folds.itertuples()
        for fold in (all_folds if photo.fold < 0 else [photo.fold])
    ]
    rows += [(photo, "test", fold, False) for photo in test_ids for fold in all_folds]
    return pd.DataFrame(rows, columns=["photo_id", "split", "fold", "label_counts"])


@pytest.fixture
def make_member(
    classes: pd.DataFrame, folds: pd.DataFrame, photos: pd.DataFrame, test_ids: list[str]
) -> Callable[[int], Predictions]:
    """Return a maker of complete members with random log-probabilities."""

    def make(seed: int) -> Predictions:
        rows = member_rows(folds, test_ids)
        names = effective_class_names(classes)
        scores = np.random.default_rng(seed).normal(size=(len(rows), len(names)))
        contract = contract_hash(classes, folds, photos)
        return Predictions(rows, normalise_log(scores), names, contract)

    return make
