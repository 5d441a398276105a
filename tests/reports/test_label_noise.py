import numpy as np
import pytest
from scipy.optimize import check_grad

from chajong.predictions.contract import normalise_log
from chajong.reports.label_noise import _negative_log_likelihood, doubt_labels, fit_noisy_pool

PHOTOS, CLASSES = 600, 6


class World:
    """Labels of which 5 % are wrong, a model and neighbours that see the truth dimly."""

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.truth = random.integers(CLASSES, size=PHOTOS)
        self.wrong = random.permutation(PHOTOS) < 30
        shift = random.integers(1, CLASSES, PHOTOS)
        self.labels = np.where(self.wrong, (self.truth + shift) % CLASSES, self.truth)
        self.model, self.neighbours = (self.witness(random) for _ in range(2))

    def witness(self, random) -> np.ndarray:
        scores = random.normal(size=(PHOTOS, CLASSES))
        scores[np.arange(PHOTOS), self.truth] += 3
        return normalise_log(scores)

    def doubt(self, neighbours: bool = True):
        return doubt_labels(
            self.model, self.labels, np.exp(self.neighbours) if neighbours else None
        )

    def found(self, doubt) -> float:
        first = np.argsort(-doubt.wrong, kind="stable")[: self.wrong.sum()]
        return self.wrong[first].mean()


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_wrong_labels_come_first_and_two_witnesses_find_more(world):
    alone, together = world.found(world.doubt(neighbours=False)), world.found(world.doubt())
    assert together > 0.85
    assert together > alone > 0.6


def test_the_pool_knows_the_right_class_of_wrong_labels(world):
    best = world.doubt().probabilities.argmax(axis=1)
    assert (best == world.truth)[world.wrong].mean() > 0.9


def test_the_share_of_wrong_labels_is_found(world):
    weights, noise = fit_noisy_pool([world.model, world.neighbours], world.labels)
    assert noise == pytest.approx(0.05, abs=0.025)
    assert (weights > 0.5).all()


def test_the_gradient_is_that_of_the_likelihood(world):
    witnesses = np.stack([world.model, world.neighbours]).astype(np.float64)
    for point in ([0.4, 0.9, 0.05], [1.2, 0.1, 0.3]):
        error = check_grad(
            lambda at: _negative_log_likelihood(at, witnesses, world.labels)[0],
            lambda at: _negative_log_likelihood(at, witnesses, world.labels)[1],
            np.asarray(point),
        )
        assert error < 1e-4


def test_the_score_is_the_posterior_of_the_stated_noise(world):
    doubt = world.doubt()
    weights, noise = fit_noisy_pool([world.model, world.neighbours], world.labels)
    pooled = np.exp(normalise_log(weights[0] * world.model + weights[1] * world.neighbours))
    np.testing.assert_allclose(doubt.probabilities, pooled, atol=1e-4)
    for photo in (0, 5, int(np.flatnonzero(world.wrong)[0])):
        label = pooled[photo, world.labels[photo]]
        wrong = noise * (1 - label) / (CLASSES - 1)
        expected = wrong / ((1 - noise) * label + wrong)
        assert doubt.wrong[photo] == pytest.approx(expected, abs=1e-3)
