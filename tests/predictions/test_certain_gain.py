import numpy as np
import pytest

from chajong.predictions.certain_gain import (
    fit_if_certain,
    inner_parts,
    label_gains,
)


def test_groups_stay_together_and_parts_are_nearly_equal():
    groups = np.random.default_rng(0).integers(30, size=100)
    parts = inner_parts(groups)
    assert all(len(set(parts[groups == group])) == 1 for group in groups)
    assert np.ptp(np.bincount(parts)) <= np.bincount(groups).max()


def test_few_groups_make_few_parts_and_one_makes_none():
    assert sorted(set(inner_parts(np.array([4, 4, 7, 9])))) == [0, 1, 2]
    with pytest.raises(ValueError, match="one group"):
        inner_parts(np.array([3, 3]))


@pytest.mark.parametrize(("gain", "kept"), [(0.5, True), (0.0, False), (-0.5, False)])
def test_a_step_is_kept_only_where_rows_it_did_not_see_gain(gain, kept):
    seen = []

    def fit(rows):
        seen.append(rows)
        return rows

    def gains(fitted, rows):
        assert not (fitted & rows).any()
        return np.full(rows.sum(), gain) + np.random.default_rng(0).normal(size=rows.sum()) * 0.01

    found = fit_if_certain(fit, gains, np.arange(50), identity=None)
    assert (found is not None and found.all()) if kept else found is None
    assert len(seen) == 6


def test_one_group_makes_no_step():
    assert fit_if_certain(lambda _: "step", lambda *_: np.ones(3), np.zeros(3, int), "none") == (
        "none"
    )


def test_label_gains_are_differences_at_the_label():
    before, after = np.log([[0.5, 0.5], [0.9, 0.1]]), np.log([[0.25, 0.75], [0.9, 0.1]])
    gains = label_gains(after, before, np.array([1, 1]))
    np.testing.assert_allclose(gains, [np.log(1.5), 0])
