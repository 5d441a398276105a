from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp

from chajong.ensembling.pools.fitting import fit_floor, fit_pool
from chajong.ensembling.pools.pool import METHODS, Method, Pool
from chajong.ensembling.pools.weights import (
    GREEDY_ROUNDS,
    convex_weights,
    greedy_weights,
    label_log_probabilities,
    log_linear_weights,
)
from chajong.predictions.calibration import fit_temperature


def obvious_log_linear_loss(weights, members, labels, importance):
    mixed = sum(weight * member for weight, member in zip(weights, members, strict=True))
    given = mixed[np.arange(len(labels)), labels] - logsumexp(mixed, axis=1)
    return -np.average(given, weights=importance)


def loss(pool: Pool, members, labels, importance=None):
    given = pool.log_probabilities(members)[np.arange(len(labels)), labels]
    return -np.average(given.astype(np.float64), weights=importance)


def importance_of(count: int) -> np.ndarray:
    weights = np.random.default_rng(9).gamma(1.0, size=count) + 0.1
    return weights / weights.mean()


class TestLogLinear:
    @pytest.mark.parametrize("seed", range(4))
    def test_no_weights_of_scipy_are_better(self, make_members, seed: int):
        members, labels = make_members(400, 6, 5, seed)
        importance = importance_of(400)
        found = log_linear_weights(members, np.arange(400), labels, importance)
        wide = [member.astype(np.float64) for member in members]
        best = minimize(
            obvious_log_linear_loss,
            np.full(5, 0.2),
            (wide, labels, importance),
            method="L-BFGS-B",
            bounds=[(0, None)] * 5,
            options={"ftol": 1e-14, "gtol": 1e-9},
        )
        ours = obvious_log_linear_loss(found, wide, labels, importance)
        assert ours == pytest.approx(best.fun, abs=2e-5)
        np.testing.assert_allclose(found, best.x, atol=0.02)

    def test_a_harmful_member_gets_exactly_nothing(self, make_members):
        members, labels = make_members(400, 6, 2)
        harmful = -2 * members[0]
        harmful -= logsumexp(harmful, axis=1, keepdims=True)
        found = log_linear_weights(
            [members[0], harmful.astype(np.float32)], np.arange(400), labels, np.ones(400)
        )
        assert found[1] == 0
        assert found[0] > 0

    def test_twins_share_their_weight(self, make_members):
        members, labels = make_members(400, 6, 1)
        rows, ones = np.arange(400), np.ones(400)
        alone = log_linear_weights(members, rows, labels, ones)
        twins = log_linear_weights([members[0], members[0]], rows, labels, ones)
        assert twins.sum() == pytest.approx(alone.sum(), rel=0.02)

    def test_members_that_know_nothing_give_a_flat_pool(self, make_members):
        _, labels = make_members(400, 6, 2)
        wrong = (labels + 1) % 6
        hostile = [np.log(0.02 + 0.88 * np.eye(6)[wrong]).astype(np.float32)] * 2
        weights = log_linear_weights(hostile, np.arange(400), labels, np.ones(400))
        flat = np.exp(Pool("log_linear", tuple(weights)).combined(hostile))
        np.testing.assert_allclose(flat, 1 / 6, atol=1e-3)

    def test_perfect_members_keep_finite_weights(self):
        labels = np.arange(60) % 3
        perfect = np.log(0.01 + 0.97 * np.eye(3)[labels]).astype(np.float32)
        found = log_linear_weights([perfect] * 2, np.arange(60), labels, np.ones(60))
        assert np.isfinite(found).all()
        assert found.max() <= 1000

    def test_a_start_changes_nothing_but_the_way(self, make_members):
        members, labels = make_members(400, 6, 3)
        arguments = (members, np.arange(400), labels, np.ones(400))
        near = log_linear_weights(*arguments)
        far = log_linear_weights(*arguments, np.array([3.0, 0.0, 1.0]))
        wide = [member.astype(np.float64) for member in members]
        ones = np.ones(400)
        assert obvious_log_linear_loss(far, wide, labels, ones) == pytest.approx(
            obvious_log_linear_loss(near, wide, labels, ones), abs=2e-5
        )

    def test_many_photos_that_start_from_an_eighth(self, make_members):
        members, labels = make_members(4_100, 4, 3)
        ones = np.ones(4_100)
        found = log_linear_weights(members, np.arange(4_100), labels, ones)
        wide = [member.astype(np.float64) for member in members]
        best = minimize(
            obvious_log_linear_loss,
            np.full(3, 1 / 3),
            (wide, labels, ones),
            bounds=[(0, None)] * 3,
        )
        assert obvious_log_linear_loss(found, wide, labels, ones) < best.fun + 2e-5


class TestConvex:
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_sequential_quadratic_programming(self, make_members, seed: int):
        members, labels = make_members(300, 6, 4, seed)
        importance = importance_of(300)
        given = label_log_probabilities(members, labels)
        found = convex_weights(given, importance)

        def convex_loss(weights):
            return -np.average(np.log(np.exp(given) @ weights), weights=importance)

        best = minimize(
            convex_loss,
            np.full(4, 0.25),
            method="SLSQP",
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
            options={"ftol": 1e-14},
        )
        assert found.sum() == pytest.approx(1)
        assert convex_loss(found) == pytest.approx(best.fun, abs=2e-5)

    def test_labels_that_every_member_finds_impossible(self):
        given = np.array([[-2000.0, -1999.0], [-0.1, -2.0]])
        assert np.isfinite(convex_weights(given, np.ones(2))).all()


def obvious_greedy(given: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Try every member for every place, and keep the best prefix."""
    probabilities, selection, prefixes = np.exp(given), [], []
    for _ in range(GREEDY_ROUNDS):
        losses = [
            -np.average(
                np.log(probabilities[:, [*selection, member]].mean(axis=1)), weights=importance
            )
            for member in range(given.shape[1])
        ]
        selection = [*selection, int(np.argmin(losses))]
        prefixes.append((min(losses), selection))
    best = min(prefixes, key=lambda prefix: prefix[0])[1]
    return np.bincount(best, minlength=given.shape[1]) / len(best)


class TestGreedy:
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_the_obvious_loop(self, make_members, seed: int):
        members, labels = make_members(120, 6, 4, seed)
        given, importance = label_log_probabilities(members, labels), importance_of(120)
        found, expected = (
            greedy_weights(given, importance),
            obvious_greedy(given, importance),
        )

        def greedy_loss(weights):
            return -np.average(np.log(np.exp(given) @ weights), weights=importance)

        assert greedy_loss(found) == pytest.approx(greedy_loss(expected), abs=2e-5)
        # A prefix of the same selection: no member that the loop did not select.
        assert not found[expected == 0].any() or found[expected == 0].max() < 0.05

    def test_never_worse_than_the_best_member(self, make_members):
        members, labels = make_members(120, 6, 4)
        given = label_log_probabilities(members, labels)
        found = greedy_weights(given, np.ones(120))
        assert -np.log(np.exp(given) @ found).mean() <= (-given.mean(axis=0)).min() + 1e-9


class TestFloor:
    def test_equals_the_best_of_a_bounded_search(self):
        given = np.log(np.random.default_rng(0).beta(4, 1, 300))
        given[::10] = -12.0

        def floor_loss(floor):
            return -np.log((1 - floor) * np.exp(given) + floor / 20).mean()

        best = minimize_scalar(floor_loss, bounds=(0, 1), method="bounded")
        assert fit_floor(given, 20, np.ones(300)) == pytest.approx(best.x, abs=1e-4)

    def test_follows_the_evidence_where_every_share_hurts(self):
        assert fit_floor(np.log(np.full(30, 0.9)), 20, np.ones(30)) == 1 / 32
        assert fit_floor(np.zeros(38), 2, np.ones(38)) == 1 / 40

    def test_of_labels_less_likely_than_chance_is_the_largest(self):
        assert fit_floor(np.log(np.full(30, 0.01)), 20, np.ones(30)) == 0.999


class TestFitPool:
    @pytest.mark.parametrize("method", METHODS)
    def test_temperature_and_floor_never_hurt(self, make_members, method: Method):
        members, labels = make_members(400, 6, 3)
        pool = fit_pool(method, members, np.arange(400), labels)
        tempered = replace(pool, floor=0.0)
        untouched = replace(tempered, temperature=1.0)
        losses = [loss(each, members, labels) for each in (pool, tempered, untouched)]
        assert losses[0] <= losses[1] + 1 / 402  # what few photos cannot rule out
        assert losses[1] <= losses[2] + 1e-6

    @pytest.mark.parametrize("method", METHODS)
    def test_weights_of_photos_equal_repeated_photos(self, make_members, method: Method):
        members, labels = make_members(150, 5, 3)
        times = np.arange(150) % 3 + 1
        rows = np.repeat(np.arange(150), times)
        # Repeated photos are more evidence than weighted ones: the floor apart.
        weighted = replace(
            fit_pool(method, members, np.arange(150), labels, times * 0.3), floor=0.0
        )
        repeated = replace(fit_pool(method, members, rows, labels[rows]), floor=0.0)
        np.testing.assert_allclose(
            weighted.log_probabilities(members), repeated.log_probabilities(members), atol=5e-3
        )

    @pytest.mark.parametrize("method", METHODS)
    def test_permuted_members_have_permuted_weights(self, make_members, method: Method):
        members, labels = make_members(200, 5, 3)
        straight = fit_pool(method, members, np.arange(200), labels)
        turned = fit_pool(method, members[::-1], np.arange(200), labels)
        np.testing.assert_allclose(turned.weights[::-1], straight.weights, atol=2e-3)

    @pytest.mark.parametrize("method", ["uniform", "convex"])
    def test_temperature_equals_that_of_calibration(self, make_members, method: Method):
        members, labels = make_members(400, 6, 3)
        pool = fit_pool(method, members, np.arange(400), labels, importance_of(400))
        raw = pool.combined(members)
        expected = fit_temperature(raw, labels, importance_of(400))
        assert pool.temperature == pytest.approx(expected, rel=2e-3)

    def test_equal_weights_are_equal(self, make_members):
        members, labels = make_members(50, 5, 4)
        assert fit_pool("uniform", members, np.arange(50), labels).weights == (0.25,) * 4

    @pytest.mark.parametrize("method", METHODS)
    def test_one_member_keeps_its_weight(self, make_members, method: Method):
        members, labels = make_members(80, 5, 1)
        assert fit_pool(method, members, np.arange(80), labels).weights == (1.0,)

    def test_only_the_rows_given_count(self, make_members):
        members, labels = make_members(200, 5, 3)
        rows = np.arange(0, 200, 2)
        alone = [member[rows] for member in members]
        assert fit_pool("convex", members, rows, labels[rows]) == fit_pool(
            "convex", alone, np.arange(100), labels[rows]
        )

    @given(st.integers(2, 6), st.integers(4, 60), st.sampled_from(METHODS), st.integers(0, 50))
    def test_nothing_is_surer_than_the_photos_can_say(
        self, classes: int, photos: int, method: Method, seed: int
    ):
        random = np.random.default_rng(seed)
        labels = random.integers(classes, size=photos)
        scores = 40 * np.eye(classes)[labels] + random.normal(size=(2, photos, classes))
        members = [log_softmax(each, axis=1).astype(np.float32) for each in scores]
        pool = fit_pool(method, members, np.arange(photos), labels)
        least = np.exp(pool.log_probabilities(members)).min()
        assert least >= 0.999 / (photos + 2) / classes

    def test_no_photo(self, make_members):
        members, _ = make_members(5, 5, 2)
        with pytest.raises(ValueError, match="at least one photo"):
            fit_pool("uniform", members, np.empty(0, int), np.empty(0, int))
