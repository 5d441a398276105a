import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from chajong.ensembling.families import (
    LARGEST_FAMILY,
    confusion_families,
    family_classes,
    inside_family,
    move_inside_family,
    mutual_confusion,
    name_families,
)


def classes(rows):
    return pd.DataFrame(rows, columns=["effective_id", "maker", "base"])


def confused(pairs, count):
    """One photo a class; `pairs` give (class, other, probability given to the other)."""
    probabilities = np.eye(count)
    for one, other, share in pairs:
        probabilities[one, other] += share
        probabilities[one, one] -= share
    return np.log(probabilities + 1e-12), np.arange(count)


def test_names_of_one_model_line_are_one_family():
    table = classes([(0, "Kia", "K5"), (1, "BMW", "3시리즈"), (2, "Kia", "K5"), (3, "Kia", "K7")])
    assert name_families(table).tolist() == [0, 1, 0, 2]


def test_aliases_are_one_class_and_the_order_of_rows_does_not_count():
    table = classes([(1, None, "니로"), (0, "Kia", "니로"), (1, None, "니로"), (2, None, "니로")])
    assert name_families(table).tolist() == [0, 1, 1]


def test_mutual_confusion_is_the_mean_given_in_both_directions():
    generator = np.random.default_rng(0)
    logs = log_softmax(generator.normal(size=(40, 5)), axis=1)
    labels = generator.integers(4, size=40)
    found = mutual_confusion(logs, labels)
    for a in range(5):
        for b in range(5):
            there = [np.exp(logs[i, b]) for i in range(40) if labels[i] == a]
            back = [np.exp(logs[i, a]) for i in range(40) if labels[i] == b]
            expected = (np.mean(there) if there else 0) + (np.mean(back) if back else 0)
            assert found[a, b] == pytest.approx(expected)


def test_strong_confusion_joins_families_and_weak_does_not():
    logs, labels = confused([(0, 2, 0.03), (2, 0, 0.03), (3, 4, 0.04)], 5)
    start = np.array([0, 0, 1, 2, 3])
    assert confusion_families(logs, labels, start).tolist() == [0, 0, 0, 1, 2]


def test_no_confusion_makes_a_family_too_large_and_the_strongest_wins():
    count = LARGEST_FAMILY + 1
    chain = [(c, c + 1, 0.1 + 0.02 * c) for c in range(count - 1)]
    families = confusion_families(*confused(chain, count), np.arange(count))
    assert np.bincount(families).max() == LARGEST_FAMILY
    assert families[0] != families[1]


def test_only_families_of_several_classes_are_listed():
    assert [c.tolist() for c in family_classes(np.array([0, 1, 0, 2, 1]))] == [[0, 2], [1, 4]]


@given(st.integers(0, 100), st.integers(2, 5))
def test_moving_inside_a_family_keeps_its_mass_and_everything_else(seed, members):
    generator = np.random.default_rng(seed)
    logs = log_softmax(generator.normal(size=(6, 8)) * 3, axis=1).astype(np.float32)
    family = np.sort(generator.choice(8, members, replace=False))
    scores = generator.normal(size=(6, members)) * 3
    moved = logs.copy()
    move_inside_family(moved, family, scores)
    outside = np.setdiff1d(np.arange(8), family)
    assert np.array_equal(moved[:, outside], logs[:, outside])
    before, after = np.exp(logs[:, family]).sum(axis=1), np.exp(moved[:, family]).sum(axis=1)
    np.testing.assert_allclose(after, before, rtol=1e-5)
    least = np.exp(logs).min(axis=1, keepdims=True)
    shared = members * least / before[:, None]
    wanted = (1 - shared) * np.exp(log_softmax(scores, 1)) + shared / members
    np.testing.assert_allclose(np.exp(inside_family(moved, family)), wanted, atol=1e-5)
    assert (np.exp(moved[:, family]) >= least * (1 - 1e-4)).all()
