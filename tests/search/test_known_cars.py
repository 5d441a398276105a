"""The limit of known cars, against obvious code, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chajong.search.known_cars import (
    MOST_REFUSED,
    Distances,
    distances_to_others,
    fit_limit,
    refused_out_of_fold,
)

FAR = some.lists(some.floats(0, 2), min_size=1, max_size=40).map(np.array)


def cosine_distance(one, other):
    return 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_distances_are_those_of_obvious_code():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(30, 4))
    labels, groups = generator.integers(4, size=30), generator.integers(20, size=30)
    found = distances_to_others(features, labels, groups)
    for i in range(30):
        to = {j: cosine_distance(features[i], features[j]) for j in range(30)}
        known = min(to[j] for j in to if groups[j] != groups[i])
        unknown = min(to[j] for j in to if groups[j] != groups[i] and labels[j] != labels[i])
        assert found.known[i] == pytest.approx(known, abs=1e-5)
        assert found.held_back[i] == pytest.approx(unknown, abs=1e-5)


@given(FAR, FAR)
def test_the_limit_refuses_few_known_cars_and_gains_the_most(known, held_back):
    limit = fit_limit(known, held_back)

    def gain(at):
        return (held_back > at).mean() - (known > at).mean()

    assert (known > limit).mean() <= MOST_REFUSED
    allowed = [at for at in known if (known > at).mean() <= MOST_REFUSED]
    assert gain(limit) == pytest.approx(max(gain(at) for at in allowed))


def test_a_photo_without_others_sets_no_limit():
    assert fit_limit(np.array([np.inf]), np.array([0.3])) == np.inf


def test_cars_apart_from_all_others_are_refused_and_known_ones_are_not():
    labels = np.repeat(np.arange(10), 20)
    known = np.tile(np.linspace(0.1, 0.2, 20), 10)
    as_known, as_held_back = refused_out_of_fold(Distances(known, known + 1, labels))
    assert as_known.mean() <= MOST_REFUSED
    assert as_held_back.all()
