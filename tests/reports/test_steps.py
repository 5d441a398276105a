import numpy as np
import pandas as pd
import pytest

from chajong.predictions.intervals import mean_interval
from chajong.reports.drawing import GREEN, RED
from chajong.reports.steps import gains_per_step, steps_chart


@pytest.fixture
def losses() -> pd.DataFrame:
    base = np.random.default_rng(0).exponential(size=40)
    return pd.DataFrame(
        {
            "photo_id": [f"{number}.jpg" for number in range(40)],
            "best member: clip": base,
            "equal weights": base * 0.8,
            "floor": base * 0.9,
        }
    )


@pytest.fixture
def groups() -> pd.Series:
    return pd.Series(np.arange(40) // 2, index=[f"{number}.jpg" for number in range(40)])[::-1]


def test_each_step_is_measured_against_the_one_before(losses, groups):
    table = gains_per_step(losses, groups)
    means = losses.drop(columns="photo_id").mean()
    np.testing.assert_allclose(table["log_loss"], means)
    np.testing.assert_allclose(table["gain"].iloc[1:], -np.diff(means))
    assert np.isnan(table["gain"].iloc[0])


def test_intervals_are_of_paired_differences_by_group(losses, groups):
    row = gains_per_step(losses, groups).iloc[1]
    gains = (losses["best member: clip"] - losses["equal weights"]).to_numpy()
    expected = mean_interval(gains, np.arange(40) // 2)
    assert (row["gain_low"], row["gain_high"]) == pytest.approx(expected)


def test_bars_run_from_step_to_step_and_show_their_sign(losses, groups):
    table = gains_per_step(losses, groups)
    bars = steps_chart(table).data[0]
    starts = np.array(bars.base, dtype=float)
    np.testing.assert_allclose(starts, table["log_loss"].iloc[:-1])
    np.testing.assert_allclose(starts + np.array(bars.x), table["log_loss"].iloc[1:])
    assert list(bars.marker.color) == [GREEN, RED]


def test_a_single_step_is_drawn(losses, groups):
    assert steps_chart(gains_per_step(losses.iloc[:, :2], groups)).to_json()


def test_a_photo_without_a_group(losses, groups):
    with pytest.raises(KeyError, match=r"3\.jpg"):
        gains_per_step(losses, groups.drop("3.jpg"))
