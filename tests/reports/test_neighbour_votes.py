import numpy as np
import pytest

from chajong.members.heads import whitening
from chajong.reports.neighbour_votes import (
    SHARPNESS,
    comparable_directions,
    label_agreement,
    nearest_neighbours,
    neighbour_votes,
)

PHOTOS = 60


def directions_of(seed: int, width: int = 5) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(PHOTOS, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def groups() -> np.ndarray:
    return np.arange(PHOTOS) // 3


def obvious_neighbours(directions, groups, may_vote, count):
    """Compare every photo with every other one."""
    found = []
    for photo in range(PHOTOS):
        others = [
            (-np.mean([rows[photo] @ rows[other] for rows in directions]), other)
            for other in range(PHOTOS)
            if groups[other] != groups[photo] and may_vote[other]
        ]
        found.append([other for _, other in sorted(others)[:count]])
    return np.array(found)


@pytest.mark.parametrize("encoders", [1, 2])
def test_neighbours_equal_the_obvious_search_block_by_block(groups, encoders):
    directions = [directions_of(seed) for seed in range(encoders)]
    may_vote = np.arange(PHOTOS) % 7 != 0
    found = nearest_neighbours(directions, groups, may_vote, count=6, photos_at_once=17)
    expected = obvious_neighbours(directions, groups, may_vote, 6)
    np.testing.assert_array_equal(found.positions, expected)
    for photo in (0, 31):
        cosines = [
            np.mean([rows[photo] @ rows[other] for rows in directions]) for other in expected[photo]
        ]
        np.testing.assert_allclose(found.similarity[photo], cosines, atol=1e-5)


def test_no_photo_has_a_neighbour_of_its_own_group(groups):
    same = np.repeat(directions_of(0)[:20], 3, axis=0)
    found = nearest_neighbours([same], groups, np.ones(PHOTOS, bool))
    assert (groups[found.positions] != groups[:, None]).all()


def test_a_photo_of_the_only_group_has_no_neighbour_and_says_nothing():
    found = nearest_neighbours([directions_of(0)], np.zeros(PHOTOS, int), np.ones(PHOTOS, bool))
    assert (found.positions == -1).all()
    votes = neighbour_votes(found, np.zeros(PHOTOS, int), 4)
    np.testing.assert_allclose(votes, 0.25)
    assert np.isnan(label_agreement(found, np.zeros(PHOTOS, int))).all()


def test_votes_equal_the_obvious_count(groups):
    labels = np.arange(PHOTOS) % 4
    found = nearest_neighbours([directions_of(1)], groups, np.ones(PHOTOS, bool), count=5)
    votes = neighbour_votes(found, labels, 4)
    agreement = label_agreement(found, labels)
    for photo in range(0, PHOTOS, 13):
        expected = np.full(4, 0.25)
        for other, cosine in zip(found.positions[photo], found.similarity[photo], strict=True):
            expected[labels[other]] += np.exp((cosine - found.similarity[photo, 0]) / SHARPNESS)
        np.testing.assert_allclose(votes[photo], expected / expected.sum(), rtol=1e-4)
        same = np.mean([labels[other] == labels[photo] for other in found.positions[photo]])
        assert agreement[photo] == pytest.approx(same)


def test_directions_have_length_one_and_refuse_what_is_not_finite():
    features = np.abs(np.random.default_rng(2).normal(size=(PHOTOS, 8))).astype(np.float32)
    lengths = np.linalg.norm(comparable_directions(features), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-4)
    features[5, 2] = np.nan
    with pytest.raises(ValueError, match="5"):
        comparable_directions(features)


def test_cosines_along_leading_directions_are_nearly_all(monkeypatch):
    random = np.random.default_rng(0)
    features = random.normal(size=(PHOTOS, 6)) @ random.normal(size=(6, 40))
    features = np.square(features + 0.01 * random.normal(size=(PHOTOS, 40))).astype(np.float32)
    whole = comparable_directions(features)
    monkeypatch.setattr(whitening, "WIDE", 30)
    monkeypatch.setattr(whitening, "LEADING_DIRECTIONS", 30)
    leading = comparable_directions(features)
    assert leading.shape == (PHOTOS, 30)
    np.testing.assert_allclose(leading @ leading.T, whole @ whole.T, atol=0.05)
