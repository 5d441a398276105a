import json

import numpy as np
import pandas as pd
import pytest

from chajong.photos.shift import FEWEST_PHOTOS, STATISTICS, measure_shift, plot_shift


def photo_table(train: int, test: int, darker: float = 0, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    count = train + test
    is_test = np.arange(count) >= train
    return pd.DataFrame(
        {
            "split": np.where(is_test, "test", "train"),
            "status": "ok",
            "brightness": generator.normal(110, 15, count) - darker * is_test,
            "contrast": generator.normal(60, 10, count),
            "saturation": generator.uniform(0, 0.5, count),
            "width": pd.array([690] * count, dtype="Int64"),
            "height": pd.array([437] * count, dtype="Int64"),
            "bytes": pd.array(generator.integers(20_000, 80_000, count), dtype="Int64"),
        }
    )


def test_photos_of_one_kind_cannot_be_told_apart():
    assert measure_shift(photo_table(600, 300), seed=0)["auc"] == pytest.approx(0.5, abs=0.06)


def test_darker_test_photos_are_noticed_among_the_fewest():
    photos = photo_table(FEWEST_PHOTOS, FEWEST_PHOTOS, darker=60)
    assert measure_shift(photos, seed=0)["auc"] > 0.95


def test_statistics_are_means_and_medians_of_each_side():
    photos = photo_table(50, 40, darker=43)
    report = measure_shift(photos, seed=0)
    brightness = report["statistics"]["brightness"]
    assert brightness["train_mean"] == pytest.approx(photos["brightness"][:50].mean())
    assert brightness["test_median"] == pytest.approx(photos["brightness"][50:].median())
    assert report["statistics"]["log_size"]["test_mean"] == pytest.approx(np.log10(690 * 437))
    assert set(report["statistics"]) == set(STATISTICS)
    assert (report["train_photos"], report["test_photos"]) == (50, 40)


def test_unreadable_photos_do_not_count():
    photos = photo_table(50, FEWEST_PHOTOS)
    photos.loc[photos.index[-1], ["status", "brightness"]] = ["unreadable", np.nan]
    assert measure_shift(photos, seed=0) is None


@pytest.mark.parametrize(("train", "test"), [(50, 0), (50, FEWEST_PHOTOS - 1), (5, 50)])
def test_too_few_photos_give_no_report(train, test):
    assert measure_shift(photo_table(train, test), seed=0) is None


def test_the_report_is_the_same_every_time_and_fits_json():
    photos = photo_table(80, 60)
    report = measure_shift(photos, seed=0)
    assert json.loads(json.dumps(report)) == measure_shift(photos, seed=0)


def test_the_chart_shows_shares_of_both_sides():
    figure = plot_shift(photo_table(70, 30))
    assert len(figure.data) == 2 * len(STATISTICS)
    assert [trace.name for trace in figure.data[:2]] == ["train", "test"]
    for trace in figure.data:
        assert sum(trace.y) == pytest.approx(1)


def test_the_chart_leaves_out_a_split_without_photos():
    assert {trace.name for trace in plot_shift(photo_table(30, 0)).data} == {"train"}


def test_the_chart_of_no_photos_is_empty():
    assert len(plot_shift(photo_table(0, 0)).data) == 0
