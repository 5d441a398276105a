import numpy as np
import pytest

from chajong.predictions.intervals import mean_interval


def test_the_interval_holds_the_mean_and_widens_with_groups():
    gains = np.random.default_rng(0).normal(0.1, 1.0, 400).repeat(2)
    low, high = mean_interval(gains, np.arange(800))
    low_in_pairs, high_in_pairs = mean_interval(gains, np.arange(400).repeat(2))
    assert low < gains.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * gains.std() / np.sqrt(800), rel=0.15)
    assert high_in_pairs - low_in_pairs > 1.2 * (high - low)


def test_a_mean_without_photos_is_refused():
    with pytest.raises(ValueError, match="at least one photo"):
        mean_interval(np.zeros(0), np.zeros(0, int))


def test_one_group_says_nothing_about_how_means_vary():
    assert mean_interval(np.array([1.0, 2.0]), np.zeros(2, int)) == (-np.inf, np.inf)
