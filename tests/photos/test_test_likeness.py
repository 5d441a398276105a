import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.photos.shift import FEWEST_PHOTOS
from chajong.photos.test_likeness import (
    FEWEST_EFFECTIVE,
    LARGEST_RATIO,
    SMALLEST_RATIO,
    bounded_ratios,
    effective_sample_size,
    likeness_to_test,
)

MEAN, DEVIATION = 110, 15


def photo_table(
    train: int, test: int, darker: float = 0, narrower: float = 1, seed: int = 0
) -> pd.DataFrame:
    """Photos of one kind, but that the test photos are darker, and more of one brightness."""
    generator = np.random.default_rng(seed)
    count = train + test
    is_test = np.arange(count) >= train
    deviations = np.where(is_test, DEVIATION * narrower, DEVIATION)
    brightness = MEAN - darker * is_test + deviations * generator.standard_normal(count)
    return pd.DataFrame(
        {
            "photo_id": [f"photo {number}" for number in range(count)],
            "split": np.where(is_test, "test", "train"),
            "status": "ok",
            "brightness": brightness,
            "contrast": generator.normal(60, 10, count),
            "saturation": generator.uniform(0, 0.5, count),
            "width": pd.array([690] * count, dtype="Int64"),
            "height": pd.array([437] * count, dtype="Int64"),
            "bytes": pd.array(generator.integers(20_000, 80_000, count), dtype="Int64"),
        }
    )


def fold_table(photos: pd.DataFrame) -> pd.DataFrame:
    """Three folds and a slice, in another order than the photos."""
    train = photos[(photos["split"] == "train") & (photos["status"] == "ok")]
    folds = pd.DataFrame({"photo_id": train["photo_id"], "fold": np.arange(len(train)) % 4 - 1})
    return folds.iloc[::-1]


def likeness_of(photos: pd.DataFrame) -> pd.Series:
    return likeness_to_test(photos, fold_table(photos), seed=0)


def density_ratio(brightness: np.ndarray, darker: float, narrower: float) -> np.ndarray:
    of_train = (brightness - MEAN) / DEVIATION
    of_test = (brightness - MEAN + darker) / (DEVIATION * narrower)
    return np.exp((of_train**2 - of_test**2) / 2) / narrower


@pytest.mark.parametrize(("darker", "narrower"), [(12, 1), (0, 0.5)])
def test_a_known_density_ratio_is_recovered(darker, narrower):
    photos = photo_table(1600, 400, darker, narrower)
    found = likeness_of(photos)
    truth = bounded_ratios(density_ratio(photos["brightness"][:1600].to_numpy(), darker, narrower))
    assert np.corrcoef(found, truth)[0, 1] > 0.93
    assert np.sqrt(np.square(found - truth).mean()) < 0.5 * truth.std()
    train, test = photos["brightness"][:1600], photos["brightness"][1600:]
    assert np.average(train, weights=found) == pytest.approx(test.mean(), abs=1.5)


def test_without_a_shift_all_photos_weigh_nearly_the_same():
    weights = likeness_of(photo_table(300, 80)).to_numpy()
    assert weights.std() < 0.1
    assert effective_sample_size(weights) > 0.99 * len(weights)


def test_a_photo_is_weighed_by_a_classifier_that_did_not_see_its_fold():
    photos = photo_table(400, 100, darker=8)
    changed = photos.copy()
    changed.loc[1, ["brightness", "contrast", "saturation"]] = [0, 0, 0]
    before, after = likeness_of(photos), likeness_of(changed)
    fold = fold_table(photos).set_index("photo_id")["fold"].loc[before.index]
    same = before.index[fold == fold["photo 1"]].drop("photo 1")
    others = before.index[fold != fold["photo 1"]]
    # All weights are divided by one mean, so the fold's keep their proportions.
    assert (after / before)[same].std() == pytest.approx(0, abs=1e-9)
    assert (after / before)[others].std() > 1e-3


def test_a_great_shift_leaves_enough_photos_that_count():
    weights = likeness_of(photo_table(400, 200, darker=40)).to_numpy()
    assert effective_sample_size(weights) >= FEWEST_EFFECTIVE * len(weights)
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("darker", [15, 1000])
def test_the_fewest_photos_have_finite_weights_whether_or_not_the_sides_meet(darker):
    likeness = likeness_of(photo_table(FEWEST_PHOTOS, FEWEST_PHOTOS, darker))
    assert np.isfinite(likeness).all()
    assert likeness.mean() == pytest.approx(1)


@pytest.mark.parametrize(("train", "test"), [(100, 0), (100, FEWEST_PHOTOS - 1), (19, 100)])
def test_too_few_photos_are_not_weighed(train, test):
    assert (likeness_of(photo_table(train, test, darker=60)) == 1).all()


def test_weights_are_of_readable_train_photos_and_the_same_every_time():
    photos = photo_table(100, 50, darker=10)
    photos.loc[3, ["status", "brightness"]] = ["unreadable", np.nan]
    likeness = likeness_of(photos)
    assert likeness.index.tolist() == [f"photo {number}" for number in range(100) if number != 3]
    pd.testing.assert_series_equal(likeness, likeness_of(photos))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_bounded_ratios_keep_their_order_and_are_worth_enough_photos(ratios):
    given_ratios = np.array(ratios)
    weights = bounded_ratios(given_ratios)
    assert weights.mean() == pytest.approx(1)
    assert effective_sample_size(weights) >= FEWEST_EFFECTIVE * len(weights) * (1 - 1e-9)
    assert (np.diff(weights[np.argsort(given_ratios)]) >= 0).all()


def test_ratios_that_are_worth_enough_photos_are_only_clipped():
    ratios = np.array([0.01, 0.5, 1, 2, 3])
    clipped = ratios.clip(SMALLEST_RATIO, LARGEST_RATIO)
    assert bounded_ratios(ratios) == pytest.approx(clipped / clipped.mean())


def test_the_ceiling_is_as_high_as_the_effective_size_allows():
    weights = bounded_ratios(np.append(np.ones(95), np.full(5, 1e6)))
    assert effective_sample_size(weights) == pytest.approx(FEWEST_EFFECTIVE * 100, rel=0.6)
    few = bounded_ratios(np.append(np.full(95, 0.1), np.full(5, 1e6)))
    assert effective_sample_size(few) == pytest.approx(FEWEST_EFFECTIVE * 100, rel=0.02)


@pytest.mark.parametrize(("weights", "size"), [([1, 1, 1, 1], 4), ([1, 0, 0], 1), ([3, 1], 1.6)])
def test_effective_sample_size(weights, size):
    assert effective_sample_size(np.array(weights)) == pytest.approx(size)
