from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from chajong.ensembling.shift_aware import pool_for_test_photos, three_figures

IDS = [f"photo-{number}" for number in range(400)]
DARK = np.arange(400) % 4 == 0
GROUPS = pd.Series(np.arange(400) // 2, index=IDS)
LIKENESS = pd.Series(np.where(DARK, 3.0, 1 / 3), index=IDS)


def pooled(losses):
    return SimpleNamespace(
        step_losses=pd.DataFrame({"photo_id": IDS, "equal weights": 9.0, "floor": losses})
    )


def noise(seed):
    return np.random.default_rng(seed).gamma(1.0, 0.05, 400)


def fitted(plain, test_like, auc=0.9):
    return pool_for_test_photos(
        lambda weights: plain if weights is None else test_like, LIKENESS, GROUPS, auc, 0.7
    )


def test_the_three_figures_count_photos_groups_and_likeness():
    losses = np.arange(400.0)
    groups = pd.Series(np.minimum(np.arange(400), 10), index=IDS)
    figures = three_figures(pooled(losses), LIKENESS, groups)
    assert figures["plain"] == pytest.approx(199.5)
    assert figures["grouped"] == pytest.approx(np.mean([*range(10), np.arange(10, 400).mean()]))
    expected = sum(w * loss for w, loss in zip(LIKENESS, losses, strict=True)) / LIKENESS.sum()
    assert figures["test-like"] == pytest.approx(expected)


def test_fitting_for_dark_photos_is_taken_where_it_helps_them():
    plain = pooled(1.0 + noise(0))
    test_like = pooled(np.where(DARK, 0.5, 1.1) + noise(1))
    found = fitted(plain, test_like)
    assert found.fitting == "test-like"
    assert found.pooled is test_like
    assert found.figures["test-like"]["plain"] < found.figures["plain"]["plain"]
    assert "AUC 0.90" in found.reason


def test_fitting_that_helps_only_bright_photos_is_not_taken():
    plain = pooled(1.0 + noise(0))
    test_like = pooled(np.where(DARK, 1.2, 0.5) + noise(1))
    found = fitted(plain, test_like)
    assert found.figures["test-like"]["plain"] < found.figures["plain"]["plain"]
    assert found.fitting == "plain"
    assert found.pooled is plain


def test_a_gain_that_may_be_chance_is_not_taken():
    found = fitted(pooled(1.0 + noise(0)), pooled(1.0 + noise(1)))
    assert found.fitting == "plain"
    assert "not certain" in found.reason


def test_without_a_shift_nothing_is_fitted_twice():
    def fit(weights):
        assert weights is None
        return pooled(noise(0))

    found = pool_for_test_photos(fit, LIKENESS, GROUPS, 0.55, 0.7)
    assert found.fitting == "plain"
    assert list(found.figures) == ["plain"]


def test_where_nothing_is_known_of_test_photos_nothing_is_fitted_to_them():
    def fit(weights):
        assert weights is None
        return pooled(noise(0))

    found = pool_for_test_photos(fit, LIKENESS, GROUPS, None, 0.5)
    assert found.fitting == "plain"
    assert found.reason == "how the test photos differ is not known"
