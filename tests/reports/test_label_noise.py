import numpy as np
import pytest
from scipy.optimize import check_grad

from chajong.predictions.contract import normalise_log
from chajong.reports.label_noise import (
    NEAR_DUPLICATE,
    SAME_FILE,
    _negative_log_likelihood,
    fit_noisy_pool,
    label_noise_scores,
)

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

    def scores(self, neighbours: bool = True, conflicts=(), near=()):
        flags = [np.isin(np.arange(PHOTOS), photos) for photos in (conflicts, near)]
        votes = np.exp(self.neighbours) if neighbours else None
        return label_noise_scores(self.model, self.labels, votes, *flags)

    def found(self, scores) -> float:
        return self.wrong[scores["rank"].to_numpy() <= self.wrong.sum()].mean()


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_wrong_labels_come_first_and_two_witnesses_find_more(world):
    alone, together = world.found(world.scores(neighbours=False)), world.found(world.scores())
    assert together > 0.85
    assert together > alone > 0.6


def test_the_right_class_is_suggested(world):
    scores = world.scores()
    suggested = scores["suggested"].to_numpy()[world.wrong]
    assert (suggested == world.truth[world.wrong]).mean() > 0.9
    assert (scores["suggested"] != world.labels).all()


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
    scores = world.scores()
    weights, noise = fit_noisy_pool([world.model, np.log(np.exp(world.neighbours))], world.labels)
    pooled = np.exp(normalise_log(weights[0] * world.model + weights[1] * world.neighbours))
    for photo in (0, 5, int(np.flatnonzero(world.wrong)[0])):
        label = pooled[photo, world.labels[photo]]
        wrong = noise * (1 - label) / (CLASSES - 1)
        expected = wrong / ((1 - noise) * label + wrong)
        assert scores["score"][photo] == pytest.approx(expected, abs=1e-3)


def test_pictures_under_two_labels_come_first(world):
    scores = world.scores(conflicts=(10, 11), near=(40,))
    order = np.argsort(scores["rank"].to_numpy())
    assert set(order[:2]) == {10, 11}
    assert order[2] == 40
    assert scores["conflict"][[10, 40, 41]].tolist() == [SAME_FILE, NEAR_DUPLICATE, ""]


def test_confident_learning_agrees_on_most_of_the_first(world):
    scores = world.scores()
    assert scores["label_issue"][scores["rank"] <= 15].mean() > 0.8


def test_ranks_are_a_permutation_without_gaps(world):
    scores = world.scores()
    assert sorted(scores["rank"]) == list(range(1, PHOTOS + 1))
    assert scores.notna().all(axis=None)


def test_a_witness_that_is_not_finite_is_named(world):
    spoiled = world.model.copy()
    spoiled[3, 1] = np.nan
    none = np.zeros(PHOTOS, bool)
    with pytest.raises(ValueError, match="out-of-fold probabilities of row 3"):
        label_noise_scores(spoiled, world.labels, None, none, none)


def test_one_class_cannot_be_wrong():
    none = np.zeros(4, bool)
    with pytest.raises(ValueError, match="two classes"):
        label_noise_scores(np.zeros((4, 1)), np.zeros(4, int), None, none, none)
