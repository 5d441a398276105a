"""Members with known truth: shared and own errors, over- and under-confident."""

from collections.abc import Callable

import numpy as np
import pytest

from chajong.ensembling.pools.choice import PoolingProblem

SHARPNESS = (0.5, 1.0, 1.6, 2.5)


def simulate(
    photos: int, classes: int, members: int, seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return float32 log-probabilities [photos, classes] of each member, and the labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=photos)
    shared = random.normal(size=(photos, classes))
    shared[np.arange(photos), labels] += 2.5
    found = []
    for member in range(members):
        scores = shared + random.normal(scale=0.7 + 0.2 * member, size=shared.shape)
        scores *= SHARPNESS[member % len(SHARPNESS)]
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        found.append(scores.astype(np.float32))
    return found, labels


@pytest.fixture
def make_members() -> Callable[..., tuple[list[np.ndarray], np.ndarray]]:
    return simulate


@pytest.fixture
def make_problem() -> Callable[..., PoolingProblem]:
    def make(
        photos: int = 200, classes: int = 5, members: int = 3, parts: int = 3, seed: int = 0
    ) -> PoolingProblem:
        values, labels = simulate(photos, classes, members, seed)
        groups = np.arange(photos) // 2
        return PoolingProblem(
            members=values,
            labels=labels,
            counts=np.arange(photos) % 7 != 3,
            groups=groups,
            parts=groups % parts,
            photo_weights=np.ones(photos),
        )

    return make
