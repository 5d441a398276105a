import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from chajong.reports.binomial import highest_share, share_interval


@given(st.integers(1, 200), st.data())
def test_interval_agrees_with_scipys_exact_test(photos, data):
    successes = data.draw(st.integers(0, photos))
    low, high = share_interval(np.array([successes]), np.array([photos]))
    expected = binomtest(successes, photos).proportion_ci(0.95, "exact")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_sided_bound_without_a_success_is_the_rule_of_three():
    assert highest_share(np.array([0]), np.array([300]), 0.05)[0] == pytest.approx(0.01, abs=1e-4)
