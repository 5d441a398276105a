import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from chajong.predictions import mixture
from chajong.predictions.calibration import COLDEST, HOTTEST, fit_temperature
from chajong.predictions.metric import log_loss
from chajong.predictions.mixture import Mixture, fit_mixture


def loss(weights, scores, labels):
    """Average over photos, one at a time."""
    losses = []
    for photo, label in enumerate(labels):
        mixed = sum(w * s[photo].astype(float) for w, s in zip(weights, scores, strict=True))
        losses.append(logsumexp(mixed) - mixed[label])
    return float(np.mean(losses))


def problem(seed, signals, photos=120, classes=6):
    """Draw normal scores, each kind of which favours the label by a signal of its own."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=photos)
    scores = [generator.normal(size=(photos, classes)).astype(np.float32) for _ in signals]
    for score, signal in zip(scores, signals, strict=True):
        score[np.arange(photos), labels] += signal
    return scores, labels


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), signals=st.lists(st.floats(-0.5, 2), min_size=1, max_size=3))
def test_the_loss_is_as_low_as_that_of_scipys_generic_minimiser(seed, signals):
    scores, labels = problem(seed, signals, photos=40)
    found = fit_mixture(scores, labels).weights
    generic = scipy.optimize.minimize(
        loss,
        np.ones(len(scores)),
        args=(scores, labels),
        method="Nelder-Mead",
        bounds=[(1 / HOTTEST, 1 / COLDEST)] * len(scores),
        options={"xatol": 1e-4, "fatol": 1e-9},
    )
    assert loss(found, scores, labels) <= generic.fun + 1e-5


def test_known_weights_are_found_whatever_the_scale_of_the_scores():
    generator = np.random.default_rng(0)
    true = np.array([40.0, 1.5, 0.3])
    spreads = [0.03, 1.0, 4.0]
    scores = [generator.normal(size=(20_000, 8)).astype(np.float32) * spread for spread in spreads]
    log_probabilities = log_softmax(sum(w * s for w, s in zip(true, scores, strict=True)), axis=1)
    gumbel = generator.gumbel(size=log_probabilities.shape)
    labels = (log_probabilities + gumbel).argmax(axis=1)
    np.testing.assert_allclose(fit_mixture(scores, labels).weights, true, rtol=0.05)


def test_noise_gets_hardly_any_weight():
    scores, labels = problem(0, [2.0, 0.0], photos=20_000)
    told, noise = fit_mixture(scores, labels).weights
    assert told == pytest.approx(2.0, rel=0.05)
    assert noise < 0.03


def test_evidence_that_points_away_from_the_label_gets_the_smallest_weight():
    scores, labels = problem(0, [2.0, -1.0])
    assert fit_mixture(scores, labels).weights[1] == pytest.approx(1 / HOTTEST)


def test_evidence_that_is_the_same_for_all_classes_gets_the_smallest_weight():
    scores, labels = problem(0, [1.0])
    flat = np.full_like(scores[0], 0.7)
    alone, with_flat = fit_mixture(scores, labels), fit_mixture([*scores, flat], labels)
    assert with_flat.weights == pytest.approx((alone.weights[0], 1 / HOTTEST), rel=1e-4)


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("signal", [0.2, 1.0, 3.0])
def test_one_kind_of_evidence_gets_its_temperature(scale, signal):
    (scores,), labels = problem(1, [signal])
    found = fit_mixture([scale * scores], labels)
    assert found.temperature == pytest.approx(fit_temperature(scale * scores, labels), rel=1e-3)


def test_scores_that_are_always_right_get_so_much_weight_that_the_loss_vanishes():
    (scores,), _ = problem(0, [0.0])
    labels = scores.argmax(axis=1)
    found = fit_mixture([scores], labels)
    assert found.weights[0] <= 1 / COLDEST
    assert loss(found.weights, [scores], labels) < 1e-3


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.5, 2.0), (9.0, 0.1)])
def test_loss_and_slopes_are_those_of_finite_differences(weights, monkeypatch):
    monkeypatch.setattr(mixture, "PHOTOS_AT_ONCE", 7)
    scores, labels = problem(3, [1.0, 0.5], photos=25)
    value, slopes = mixture._loss_and_slopes(np.array(weights), scores, labels)
    assert value == pytest.approx(loss(weights, scores, labels), rel=1e-9)
    expected = scipy.optimize.approx_fprime(weights, loss, 1e-6, scores, labels)
    np.testing.assert_allclose(slopes, expected, atol=1e-5)


def test_the_mixture_is_the_softmax_of_the_weighted_sum():
    scores, _ = problem(0, [1.0, 1.0], photos=5)
    found = Mixture((2.0, 0.5)).log_probabilities(scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, log_softmax(2 * scores[0] + scores[1] / 2, axis=1), rtol=1e-5)


def test_two_useful_kinds_of_evidence_beat_each_alone_on_other_photos():
    scores, labels = problem(5, [1.0, 1.5], photos=2_000)
    fitted, seen, other = {}, slice(0, 1_000), slice(1_000, None)
    for kinds in [(0,), (1,), (0, 1)]:
        chosen = [scores[kind] for kind in kinds]
        found = fit_mixture([score[seen] for score in chosen], labels[seen])
        log_probabilities = found.log_probabilities([score[other] for score in chosen])
        fitted[kinds] = log_loss(log_probabilities, labels[other])
    assert fitted[0, 1] < min(fitted[(0,)], fitted[(1,)])


def test_the_temperature_is_one_over_the_sum_of_the_weights():
    assert Mixture((3.0, 1.0)).temperature == 0.25


@pytest.mark.parametrize("weights", [(), (0.0, 0.0), (1.0, -0.1), (1.0, float("nan"))])
def test_weights_that_cannot_mix_are_refused(weights):
    with pytest.raises(ValueError, match="cannot mix evidence"):
        Mixture(weights)


def test_evidence_of_another_number_is_refused():
    with pytest.raises(ValueError, match="1 kinds of evidence do not fit 2 weights"):
        Mixture((1.0, 1.0)).log_probabilities([np.zeros((2, 3))])


def test_no_photo_is_an_error():
    with pytest.raises(ValueError, match="at least one photo whose label counts"):
        fit_mixture([np.zeros((0, 3))], np.zeros(0, int))


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_score_that_is_not_finite_is_named(bad):
    scores, labels = problem(0, [1.0, 1.0])
    scores[1][3, 2] = bad
    with pytest.raises(ValueError, match="Evidence 2 of 2 has a score that is not finite"):
        fit_mixture(scores, labels)
