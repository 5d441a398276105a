import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from chajong.ensembling.family_temperature import (
    NO_FAMILY_TEMPERATURES,
    FamilyTemperatures,
    cross_fit_family_temperatures,
    fit_family_temperatures,
)
from chajong.predictions.certain_gain import label_gains

FAMILIES = np.array([0, 0, 0, 1, 1, 1, 2, 3])
"""Two families of three, and two classes alone."""


def problem(seed, temperatures, photos=900):
    """A pool that is right between families; inside one its logits are times the temperature."""
    generator = np.random.default_rng(seed)
    between = generator.normal(size=(photos, 4)) * 3
    within = generator.normal(size=(photos, 8)) * 1.5
    truth = between[:, FAMILIES] + within
    labels = np.array([generator.choice(8, p=row) for row in softmax(truth, axis=1)])
    pool = FamilyTemperatures(((0, 1, 2), (3, 4, 5)), tuple(1 / t for t in temperatures))
    return pool.log_probabilities(log_softmax(truth, axis=1)), labels


@given(st.integers(0, 50), st.floats(0.2, 5.0))
def test_a_temperature_is_its_formula_and_keeps_masses(seed, temperature):
    logs = log_softmax(np.random.default_rng(seed).normal(size=(4, 5)) * 2, 1).astype(np.float32)
    changed = FamilyTemperatures(((1, 3, 4),), (temperature,)).log_probabilities(logs)
    expected = np.exp(logs.astype(float))
    for row in expected:
        mass = row[[1, 3, 4]].sum()
        powers = row[[1, 3, 4]] ** (1 / temperature)
        least = row.min()  # which no class falls below
        row[[1, 3, 4]] = (mass - 3 * least) * powers / powers.sum() + least
    np.testing.assert_allclose(np.exp(changed), expected, rtol=2e-5)
    assert np.array_equal(changed[:, [0, 2]], logs[:, [0, 2]])


def test_no_temperatures_change_nothing():
    logs, _ = problem(0, (2.0, 0.5))
    assert np.array_equal(NO_FAMILY_TEMPERATURES.log_probabilities(logs), logs)


def test_wrong_sureness_inside_families_is_found_and_helps_on_other_photos():
    logs, labels = problem(0, (3.0, 0.4))
    fresh, fresh_labels = problem(1, (3.0, 0.4))
    found = fit_family_temperatures(logs, labels, np.arange(len(labels)), FAMILIES)
    assert found.families == ((0, 1, 2), (3, 4, 5)) or len(found.families) == 1
    assert label_gains(found.log_probabilities(fresh), fresh, fresh_labels).mean() > 0.03


def sharply_apart(seed, temperatures, photos=900):
    """As `problem`, but families are hardly confused, so that names alone make them."""
    generator = np.random.default_rng(seed)
    logs, labels = problem(seed, temperatures, photos)
    sure = generator.random(photos) < 2
    own = FAMILIES[labels][:, None] == FAMILIES
    return log_softmax(logs + 8 * own * sure[:, None], axis=1).astype(np.float32), labels


def test_each_family_gets_its_own_temperature():
    logs, labels = sharply_apart(0, (3.0, 0.4))
    found = fit_family_temperatures(logs, labels, np.arange(len(labels)), FAMILIES)
    assert found.families == ((0, 1, 2), (3, 4, 5))
    assert found.temperatures[0] == pytest.approx(3.0, rel=0.3)
    assert found.temperatures[1] == pytest.approx(0.4, rel=0.3)


def test_the_penalty_pulls_a_temperature_towards_one():
    logs, labels = sharply_apart(0, (3.0, 0.4))
    groups = np.arange(len(labels))
    loose, tight = (
        fit_family_temperatures(logs, labels, groups, FAMILIES, photos).temperatures
        for photos in (0.0, 2000.0)
    )
    assert loose[0] > tight[0] > 1
    assert loose[1] < tight[1] < 1


@pytest.mark.parametrize("seed", range(5))
def test_a_calibrated_pool_is_left_as_it_is(seed):
    logs, labels = problem(seed, (1.0, 1.0))
    found = fit_family_temperatures(logs, labels, np.arange(len(labels)), FAMILIES)
    assert found is NO_FAMILY_TEMPERATURES


def test_no_family_with_photos_leaves_all_as_it_is():
    logs = np.log(np.eye(4) * 0.96 + 0.01).astype(np.float32)
    labels = np.arange(4)
    found = fit_family_temperatures(logs, labels, labels, np.arange(4))
    assert found is NO_FAMILY_TEMPERATURES


def test_labels_of_a_part_do_not_change_its_own_rows():
    logs, labels = sharply_apart(0, (3.0, 0.4))
    parts, groups = np.arange(len(labels)) % 3, np.arange(len(labels))
    counts = np.arange(len(labels)) % 7 != 0
    spoiled = np.where((parts == 1) | ~counts, (labels + 1) % 8, labels)
    rows = [
        cross_fit_family_temperatures(logs, given, counts, groups, parts, FAMILIES).apply(
            lambda fitted, chosen: fitted.log_probabilities(logs[chosen])
        )
        for given in (labels, spoiled)
    ]
    assert np.array_equal(rows[0][parts == 1], rows[1][parts == 1])
    assert not np.array_equal(rows[0][parts == 0], rows[1][parts == 0])
