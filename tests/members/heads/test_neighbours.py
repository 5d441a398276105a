import math

import pytest
import torch

from chajong.members.heads import fitted, neighbours
from chajong.members.heads.fitted import VOTE_FLOOR
from chajong.members.heads.neighbours import fit_neighbours
from chajong.members.heads.whitening import whiten, within_class_covariance

SHARPNESS = 0.1


def loop(query, directions, labels, class_count, count):
    """Score one whitened photo: each neighbour votes exp(cosine / sharpness)."""
    cosines = zip((directions @ query).tolist(), labels.tolist(), strict=True)
    nearest = sorted(cosines, reverse=True)[:count]
    votes = [0.0] * class_count
    for cosine, label in nearest:
        votes[label] += math.exp(cosine / SHARPNESS)
    return [math.log(vote / sum(votes) + VOTE_FLOOR) for vote in votes]


@pytest.mark.parametrize("count", [1, 5, 40, 1000])
def test_votes_are_those_of_a_loop(cloud, count):
    features, labels = cloud(photos=40)
    queries, _ = cloud(photos=15, seed=1)
    whitened = whiten(features, within_class_covariance(features, labels, 5), 0.3)
    (head,) = fit_neighbours(whitened.directions, labels, 5, [count], SHARPNESS)
    seen = whitened.whitening(queries)
    expected = [loop(query, whitened.directions, labels, 5, count) for query in seen]
    torch.testing.assert_close(head.scores(seen), torch.tensor(expected), atol=1e-3, rtol=1e-3)


def test_photos_scored_in_parts_score_the_same(cloud, monkeypatch):
    features, labels = cloud(photos=40)
    whitened = whiten(features, within_class_covariance(features, labels, 4), 0.3)
    (head,) = fit_neighbours(whitened.directions, labels, 4, [5], SHARPNESS)
    at_once = head.scores(whitened.directions)
    monkeypatch.setattr(fitted, "PHOTOS_AT_ONCE", 7)
    torch.testing.assert_close(head.scores(whitened.directions), at_once)


def test_many_photos_are_kept_in_half_the_room_and_score_nearly_the_same(cloud, monkeypatch):
    features, labels = cloud(photos=40)
    whitened = whiten(features, within_class_covariance(features, labels, 4), 0.3)
    (exact,) = fit_neighbours(whitened.directions, labels, 4, [5], SHARPNESS)
    monkeypatch.setattr(neighbours, "MOST_EXACT", 0)
    (rounded,) = fit_neighbours(whitened.directions, labels, 4, [5], SHARPNESS)
    assert 2 * rounded.photos.nbytes == exact.photos.nbytes
    seen = whitened.whitening(cloud(photos=15, seed=1)[0])
    torch.testing.assert_close(rounded.scores(seen), exact.scores(seen), atol=2e-2, rtol=0)
