import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from chajong.predictions.calibration import (
    COLDEST,
    HOTTEST,
    expected_calibration_error,
    fit_temperature,
)


def loss(scores: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    scaled = log_softmax(scores.astype(np.float64) / temperature, axis=1)
    return -float(scaled[np.arange(len(labels)), labels].mean())


def problem(seed: int, signal: float, photos: int = 80, classes: int = 5):
    """Draw scores that favour the label by `signal`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=photos)
    scores = generator.normal(size=(photos, classes))
    scores[np.arange(photos), labels] += signal
    return scores.astype(np.float32), labels


PROBLEMS = {
    "seed": st.integers(0, 10_000),
    "signal": st.floats(-1, 4),
    "photos": st.integers(1, 60),
    "classes": st.integers(2, 6),
}


@settings(max_examples=60)
@given(**PROBLEMS)
def test_no_temperature_of_a_fine_grid_is_better(seed, signal, photos, classes):
    scores, labels = problem(seed, signal, photos, classes)
    found = fit_temperature(scores, labels)
    assert COLDEST <= found <= HOTTEST
    grid = np.geomspace(COLDEST, HOTTEST, 400)
    best = min(loss(scores, labels, temperature) for temperature in grid)
    assert loss(scores, labels, found) <= best + 1e-5


@settings(max_examples=40)
@given(seed=PROBLEMS["seed"], signal=st.floats(0.3, 3))
def test_the_temperature_is_scipys(seed, signal):
    scores, labels = problem(seed, signal)
    expected = scipy.optimize.minimize_scalar(
        lambda inverse: loss(scores, labels, 1 / inverse),
        bounds=(1 / HOTTEST, 1 / COLDEST),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert 1 / fit_temperature(scores, labels) == pytest.approx(expected.x, rel=1e-3)


@settings(max_examples=40)
@given(seed=PROBLEMS["seed"], factor=st.floats(0.05, 50))
def test_scores_times_k_need_k_times_the_temperature(seed, factor):
    scores, labels = problem(seed, 1.0)
    scaled = fit_temperature(factor * scores, labels)
    assert scaled == pytest.approx(factor * fit_temperature(scores, labels), rel=1e-3)


def test_a_constant_added_to_a_photos_scores_changes_nothing():
    scores, labels = problem(0, 1.0)
    moved = scores + np.arange(len(labels), dtype=np.float32)[:, None]
    assert fit_temperature(moved, labels) == pytest.approx(fit_temperature(scores, labels), 1e-4)


def test_a_calibrated_model_keeps_its_temperature():
    probabilities = np.array([[0.75, 0.25]] * 4)
    found = fit_temperature(np.log(probabilities), np.array([0, 0, 0, 1]))
    assert found == pytest.approx(1.0, rel=1e-4)


def test_scores_that_are_always_right_get_so_cold_that_the_loss_vanishes():
    scores, _ = problem(0, 0.0)
    found = fit_temperature(scores, scores.argmax(1))
    assert COLDEST <= found < 0.05
    assert loss(scores, scores.argmax(1), found) < 1e-3


def test_scores_that_are_always_wrong_get_the_hottest_temperature():
    scores, _ = problem(0, 0.0)
    assert fit_temperature(scores, scores.argmin(1)) == pytest.approx(HOTTEST, rel=0.01)


@pytest.mark.filterwarnings("error")
def test_scores_without_any_doubt_divide_by_no_curvature():
    scores, _ = problem(0, 0.0)
    found = fit_temperature(1e5 * scores, scores.argmin(1))
    assert found == pytest.approx(HOTTEST, rel=0.01)


def test_no_photo_is_an_error():
    with pytest.raises(ValueError, match="at least one photo whose label counts"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_the_calibration_error_is_that_of_a_loop(bins):
    scores, labels = problem(1, 0.8)
    log_probabilities = log_softmax(scores, axis=1)
    members = {place: [] for place in range(bins)}
    for row, label in zip(log_probabilities, labels, strict=True):
        confidence = float(np.exp(row.max()))
        members[min(int(confidence * bins), bins - 1)].append((confidence, row.argmax() == label))
    expected = sum(
        len(bin_members) / len(labels) * abs(np.subtract(*np.mean(bin_members, axis=0)))
        for bin_members in members.values()
        if bin_members
    )
    found = expected_calibration_error(log_probabilities, labels, bins)
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_sure_model_that_is_right_has_no_calibration_error_and_a_wrong_one_all_of_it():
    sure = np.log(np.array([[1.0, 1e-30], [1e-30, 1.0]], np.float32))
    assert expected_calibration_error(sure, np.array([0, 1])) == 0.0
    assert expected_calibration_error(sure, np.array([1, 0])) == 1.0


def test_a_model_as_right_as_it_says_has_no_calibration_error():
    log_probabilities = np.log(np.array([[0.75, 0.25]] * 4))
    error = expected_calibration_error(log_probabilities, np.array([0, 0, 0, 1]))
    assert error == pytest.approx(0.0, abs=1e-9)
