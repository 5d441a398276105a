import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import expit, log_softmax, softmax

from chajong.ensembling.gate import GATE_CLOSED, Gate, cross_fit_gate, fit_gate, gate_loss
from chajong.predictions.certain_gain import label_gains

CLASSES = 8


def problem(seed, noisy, photos=1500):
    """A sure pool; a share `noisy` of photos has labels of the prior, and looks unlike the rest."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(photos, CLASSES)) * 4
    labels = np.array([generator.choice(CLASSES, p=row) for row in softmax(logits, axis=1)])
    noise = generator.random(photos) < noisy
    labels[noise] = generator.integers(CLASSES, size=noise.sum())
    unlikeness = (generator.normal(size=photos) + 4 * noise)[:, None]
    return log_softmax(logits, axis=1).astype(np.float32), labels, unlikeness, noise


@given(st.integers(0, 50), st.floats(-5, 3), st.lists(st.floats(0, 2), min_size=3, max_size=3))
def test_a_gate_is_its_formula_and_rows_are_distributions(seed, intercept, slopes):
    generator = np.random.default_rng(seed)
    p = softmax(generator.normal(size=(4, 3)) * 3, axis=1)
    q = np.array([0.5, 0.3, 0.2])
    unlike = generator.normal(size=(4, 1))
    centre, scale = np.array([0.4, 0.3, 0.1]), np.array([0.2, 0.3, 2.0])
    gate = Gate(intercept, np.array(slopes), centre, scale, np.log(q))
    entropy = [-sum(x * np.log(x) for x in row) / np.log(3) for row in p]
    for row, spread, z, found, strength in zip(
        p,
        entropy,
        unlike,
        gate.log_probabilities(np.log(p), unlike),
        gate.strengths(np.log(p), unlike),
        strict=True,
    ):
        signs = (np.array([spread, 1 - row.max(), z[0]]) - centre) / scale
        g = expit(intercept + signs @ np.array(slopes))
        assert strength == pytest.approx(g)
        np.testing.assert_allclose(np.exp(found), (1 - g) * row + g * q, rtol=1e-4)


def test_the_slopes_of_the_loss_are_exact():
    generator = np.random.default_rng(0)
    inputs = np.column_stack([np.ones(50), generator.normal(size=(50, 3))])
    given_logs, prior = -generator.exponential(3, 50), -generator.exponential(2, 50) - 1
    for seed in range(3):
        weights = np.random.default_rng(seed).normal(size=4)
        error = check_grad(
            lambda w: gate_loss(w, inputs, given_logs, prior)[0],
            lambda w: gate_loss(w, inputs, given_logs, prior)[1],
            weights,
        )
        assert error < 1e-5


def test_photos_without_a_class_open_the_gate_and_it_helps_on_other_photos():
    logs, labels, unlike, _ = problem(0, 0.05)
    gate = fit_gate(logs, labels, np.arange(len(labels)), unlike)
    fresh, fresh_labels, fresh_unlike, noise = problem(1, 0.05)
    changed = gate.log_probabilities(fresh, fresh_unlike)
    assert label_gains(changed, fresh, fresh_labels).mean() > 0.05
    strengths = gate.strengths(fresh, fresh_unlike)
    assert strengths[noise].mean() > 0.5
    assert strengths[~noise].mean() < 0.05
    assert (gate.slopes >= 0).all()


def test_a_gate_needs_no_unlikeness():
    logs, labels, _, _ = problem(0, 0.1)
    nothing = np.empty((len(labels), 0))
    gate = fit_gate(logs, labels, np.arange(len(labels)), nothing)
    assert not gate.closed
    assert label_gains(gate.log_probabilities(logs, nothing), logs, labels).mean() > 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_pool_without_noise_is_left_as_it_is(seed):
    logs, labels, unlike, _ = problem(seed, 0.0)
    gate = fit_gate(logs, labels, np.arange(len(labels)), unlike)
    assert gate is GATE_CLOSED
    assert np.array_equal(gate.log_probabilities(logs, unlike), logs)
    assert not gate.strengths(logs, unlike).any()


def test_a_sign_that_never_varies_does_no_harm():
    logs, labels, unlike, _ = problem(0, 0.05)
    gate = fit_gate(logs, labels, np.arange(len(labels)), np.column_stack([unlike, unlike * 0]))
    changed = gate.log_probabilities(logs, np.column_stack([unlike, unlike * 0]))
    assert label_gains(changed, logs, labels).mean() > 0.05


def test_labels_of_a_part_do_not_change_its_own_rows():
    logs, labels, unlike, _ = problem(0, 0.05)
    parts, groups = np.arange(len(labels)) % 3, np.arange(len(labels))
    counts = np.arange(len(labels)) % 7 != 0
    spoiled = np.where((parts == 1) | ~counts, (labels + 1) % CLASSES, labels)
    rows = [
        cross_fit_gate(logs, given, counts, groups, parts, unlike).apply(
            lambda gate, chosen: gate.log_probabilities(logs[chosen], unlike[chosen])
        )
        for given in (labels, spoiled)
    ]
    assert np.array_equal(rows[0][parts == 1], rows[1][parts == 1])
    assert not np.array_equal(rows[0][parts == 0], rows[1][parts == 0])
