import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.training.folds import CALIBRATION, join_groups, make_folds

CLASSES = 6


def data_set(seed: int, photos: int = 240, classes: int = CLASSES) -> dict:
    """Photos of some classes; a fifth of them share a group with a photo of any class."""
    generator = np.random.default_rng(seed)
    groups = np.arange(photos)
    alike = generator.integers(0, photos, (2, photos // 10))
    groups[alike[0]] = groups[alike[1]]
    return {
        "photo_ids": [f"train/{number}" for number in generator.permutation(photos)],
        "labels": [f"차종_{label}" for label in generator.integers(0, classes, photos)],
        "groups": groups,
        "label_counts": generator.random(photos) > 0.03,
    }


def folds_of(data: dict, fold_count: int = 5, fraction: float = 0.1, seed: int = 0) -> pd.DataFrame:
    return make_folds(**data, fold_count=fold_count, calibration_fraction=fraction, seed=seed)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.sampled_from([0, 0.05, 0.2]))
def test_every_photo_is_in_one_place_and_no_group_in_two(seed, fold_count, fraction):
    data = data_set(seed)
    folds = folds_of(data, fold_count, fraction)
    assert folds["photo_id"].tolist() == data["photo_ids"]
    assert folds["group"].tolist() == data["groups"].tolist()
    assert folds["label_counts"].tolist() == data["label_counts"].tolist()
    assert folds.groupby("group")["fold"].nunique().max() == 1
    assert set(folds["fold"]) - {CALIBRATION} == set(range(fold_count))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_every_class_is_spread_evenly(seed):
    data = data_set(seed)
    folds = folds_of(data)
    counts = pd.crosstab(pd.Series(data["labels"]), folds["fold"]).drop(columns=CALIBRATION)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 4
    assert counts.sum().max() - counts.sum().min() <= 8


def test_the_slice_has_its_share_of_every_class():
    data = data_set(1, photos=1200)
    in_slice = folds_of(data, fraction=0.1)["fold"].to_numpy() == CALIBRATION
    assert in_slice.mean() == pytest.approx(0.1, abs=0.01)
    shares = pd.Series(in_slice).groupby(data["labels"]).mean()
    assert shares.between(0.085, 0.105).all()


def test_the_slice_keeps_its_size_where_classes_are_small():
    data = data_set(0, photos=600, classes=60)
    data["groups"] = np.arange(600)
    data["label_counts"] = np.ones(600, bool)
    in_slice = folds_of(data, fold_count=2, fraction=0.05)["fold"] == CALIBRATION
    assert 25 <= in_slice.sum() <= 32


def test_the_slice_has_only_photos_that_count():
    data = data_set(3)
    folds = folds_of(data, fraction=0.3)
    assert folds.loc[folds["fold"] == CALIBRATION, "label_counts"].all()
    assert not folds["label_counts"].all()


def test_small_classes_give_nothing_to_the_slice():
    labels = ["크다"] * 60 + ["작다"] * 6
    folds = make_folds(
        [str(number) for number in range(66)],
        labels,
        np.arange(66),
        label_counts=np.ones(66, bool),
        fold_count=5,
        calibration_fraction=0.4,
        seed=0,
    )
    assert (folds["fold"][:60] == CALIBRATION).sum() == 24
    assert (folds["fold"][60:] >= 0).all()


def test_no_slice_is_taken_where_none_is_wanted():
    assert (folds_of(data_set(0), fraction=0)["fold"] >= 0).all()


def test_names_of_classes_do_not_matter():
    data = data_set(5)
    names = {f"차종_{number}": f"{(number * 5 + 3) % CLASSES}" for number in range(CLASSES)}
    renamed = {**data, "labels": [names[label] for label in data["labels"]]}
    pd.testing.assert_frame_equal(folds_of(renamed), folds_of(data))


def test_order_of_photos_does_not_matter():
    data = data_set(6)
    order = np.random.default_rng(0).permutation(len(data["photo_ids"]))
    shuffled = {
        name: values[order] if isinstance(values, np.ndarray) else [values[row] for row in order]
        for name, values in data.items()
    }
    folds = folds_of(data).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(folds_of(shuffled), folds)


def test_the_seed_decides():
    data = data_set(7)
    assert folds_of(data, seed=1).equals(folds_of(data, seed=1))
    assert not folds_of(data, seed=1).equals(folds_of(data, seed=2))


def test_a_class_with_fewer_photos_than_folds_is_allowed_and_logged(caplog, recwarn):
    data = data_set(8)
    data["labels"][:2] = ["외톨이", "둘째"]
    with caplog.at_level(logging.WARNING):
        folds = folds_of(data)
    assert len(folds) == len(data["labels"])
    assert "2 of the classes have fewer than 5 photos" in caplog.text
    assert not recwarn.list


def test_too_few_photos_for_the_folds_name_the_fix():
    with pytest.raises(ValueError, match=r"at most 2 in one class.*lower the number of folds"):
        make_folds(
            ["1", "2", "3", "4", "5", "6"],
            [0, 0, 1, 1, 2, 2],
            np.arange(6),
            label_counts=np.ones(6, bool),
            fold_count=5,
            calibration_fraction=0,
            seed=0,
        )


def test_near_duplicates_and_listings_are_joined_through_chains():
    near_duplicates = np.array([7, 7, 3, 4, 5, 3])
    listings = [None, "차량 1", "차량 1", "차량 2", None, "차량 3"]
    joined = join_groups(near_duplicates, listings)
    assert joined[0] == joined[1] == joined[2] == joined[5]
    assert len({joined[0], joined[3], joined[4]}) == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", "c", None, np.nan]))))
def test_photos_that_share_anything_are_in_one_group(photos):
    looks = np.array([look for look, _ in photos], dtype=int)
    listings = [listing for _, listing in photos]
    joined = join_groups(looks, listings)
    for i in range(len(photos)):
        for j in range(i):
            if looks[i] == looks[j] or (
                isinstance(listings[i], str) and listings[i] == listings[j]
            ):
                assert joined[i] == joined[j]


def test_without_listings_near_duplicates_stay_as_they_are():
    joined = join_groups(np.array([5, 2, 5, 9]), [None] * 4)
    assert joined.tolist() == [1, 0, 1, 2]
