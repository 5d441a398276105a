import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.ensembling.pools.pool import LOGARITHMIC, METHODS, Method, Pool

methods = st.sampled_from(METHODS)
seeds = st.integers(0, 1000)


def draw(seed: int, members: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [np.log(random.dirichlet(np.ones(4), 6)).astype(np.float32) for _ in range(members)]


def obvious(pool: Pool, members: list[np.ndarray]) -> np.ndarray:
    """Photo by photo, class by class."""
    photos, classes = members[0].shape
    result = np.empty((photos, classes))
    for photo in range(photos):
        scores = []
        for column in range(classes):
            pairs = list(zip(pool.weights, [m[photo, column] for m in members], strict=True))
            if pool.method in LOGARITHMIC:
                scores.append(np.exp(sum(weight * value for weight, value in pairs)))
            else:
                scores.append(sum(weight * np.exp(value) for weight, value in pairs))
        shares = (np.array(scores) / sum(scores)) ** (1 / pool.temperature)
        shares /= shares.sum()
        result[photo] = (1 - pool.floor) * shares + pool.floor / classes
    return result


@given(methods, seeds, st.floats(0.3, 3), st.floats(0, 0.5))
def test_equals_the_obvious_pool(method: Method, seed: int, temperature: float, floor: float):
    pool = Pool(method, (0.2, 0.5, 0.3), temperature, floor)
    members = draw(seed)
    pooled = pool.log_probabilities(members)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(np.exp(pooled), obvious(pool, members), atol=2e-6)


@given(methods, seeds, st.floats(0.05, 20), st.floats(0, 0.9))
def test_rows_are_distributions(method: Method, seed: int, temperature: float, floor: float):
    pooled = Pool(method, (0.9, 0.0, 0.1), temperature, floor).log_probabilities(draw(seed))
    np.testing.assert_allclose(np.exp(pooled.astype(np.float64)).sum(axis=1), 1, atol=1e-5)


@given(methods, seeds, st.permutations([0, 1, 2]))
def test_the_order_of_members_does_not_matter(method: Method, seed: int, order: list[int]):
    members, weights = draw(seed), (0.6, 0.3, 0.1)
    permuted = Pool(method, tuple(weights[place] for place in order), 1.3, 0.1)
    np.testing.assert_allclose(
        permuted.log_probabilities([members[place] for place in order]),
        Pool(method, weights, 1.3, 0.1).log_probabilities(members),
        atol=1e-5,
    )


@given(methods, seeds)
def test_temperature_one_and_no_floor_change_nothing(method: Method, seed: int):
    pool, members = Pool(method, (0.2, 0.5, 0.3)), draw(seed)
    np.testing.assert_allclose(pool.log_probabilities(members), pool.combined(members), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_chosen_rows_are_those_of_the_whole(method: Method):
    members = [np.tile(member, (40, 1)) for member in draw(1)]
    rows = np.array([200, 3, 3, 0, 71])
    pool = Pool(method, (0.2, 0.5, 0.3), 0.7, 0.01)
    np.testing.assert_array_equal(
        pool.log_probabilities(members, rows), pool.log_probabilities(members)[rows]
    )


def test_no_photo():
    assert Pool("convex", (1.0,)).log_probabilities([np.empty((0, 4), np.float32)]).shape == (0, 4)


def test_classes_that_all_members_find_impossible_stay_finite():
    certain = np.array([[0.0, -1000.0, -1000.0]], np.float32)
    for method in METHODS:
        assert np.isfinite(Pool(method, (0.5, 0.5)).log_probabilities([certain, certain])).all()


@pytest.mark.parametrize("weights", [(-0.1, 1.1), (0.0, 0.0), (np.nan, 1.0), ()])
def test_weights_that_cannot_pool(weights: tuple[float, ...]):
    with pytest.raises(ValueError, match="cannot pool members"):
        Pool("log_linear", weights)


def test_other_number_of_members():
    with pytest.raises(ValueError, match="2 members do not fit 3 weights"):
        Pool("uniform", (1 / 3,) * 3).combined(draw(0, members=2))
