import math

import pytest
import torch
from torch.nn.functional import normalize

from chajong.members.clip import evidence
from chajong.members.clip.evidence import name_scores, neighbour_scores, prototype_scores
from chajong.members.heads.fitted import VOTE_FLOOR

CLASSES = 4


def directions(count, seed, dimensions=6):
    return normalize(torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed)))


@pytest.fixture
def photos():
    return directions(9, seed=0)


@pytest.fixture
def train_photos():
    return directions(20, seed=1)


@pytest.fixture
def names():
    return directions(CLASSES, seed=2)


@pytest.fixture
def labels():
    """Three classes with photos; the last one has none."""
    return torch.arange(20) % (CLASSES - 1)


def cosine(first, second):
    dot = sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))
    return dot / (math.hypot(*first.tolist()) * math.hypot(*second.tolist()))


def test_name_scores_are_cosines(photos, names):
    expected = torch.tensor([[cosine(photo, name) for name in names] for photo in photos])
    torch.testing.assert_close(name_scores(photos, names), expected)


def prototypes_loop(photo, train_photos, labels, names):
    """Score one photo: cosines to class means; for the last class, its name on their level."""
    by_photos, by_name = [], [cosine(photo, name) for name in names]
    for label in range(CLASSES - 1):
        members = [
            row for row, its in zip(train_photos, labels.tolist(), strict=True) if its == label
        ]
        by_photos.append(cosine(photo, sum(members) / len(members)))
    gap = sum(a - b for a, b in zip(by_photos, by_name[:-1], strict=True)) / (CLASSES - 1)
    return [*by_photos, by_name[-1] + gap]


def test_prototype_scores_are_those_of_a_loop(photos, train_photos, labels, names):
    expected = [prototypes_loop(photo, train_photos, labels, names) for photo in photos]
    found = prototype_scores(photos, train_photos, labels, CLASSES, photos @ names.T)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_a_class_without_photos_wins_where_its_name_is_by_far_the_nearest(labels):
    # Names lie on the far side of the space, as the text side of CLIP does.
    offset = torch.tensor([0.0] * CLASSES + [4.0])
    axes = torch.eye(CLASSES, CLASSES + 1)
    photos, names = normalize(axes + offset, dim=1), normalize(axes - offset, dim=1)
    found = prototype_scores(photos, photos[labels], labels, CLASSES, photos @ names.T)
    assert found.argmax(dim=1).tolist() == [0, 1, 2, 3]


def votes_loop(photo, train_photos, labels, neighbours, sharpness):
    cosines = [cosine(photo, other) for other in train_photos]
    nearest = sorted(zip(cosines, labels.tolist(), strict=True), reverse=True)[:neighbours]
    votes = [VOTE_FLOOR] * CLASSES
    for similarity, label in nearest:
        votes[label] += math.exp((similarity - 1) / sharpness)
    return [math.log(vote) for vote in votes]


@pytest.mark.parametrize("neighbours", [1, 5, 20, 1000])
@pytest.mark.parametrize("sharpness", [0.02, 0.3])
def test_votes_are_those_of_a_loop(photos, train_photos, labels, neighbours, sharpness):
    expected = [votes_loop(row, train_photos, labels, neighbours, sharpness) for row in photos]
    found = neighbour_scores(photos, train_photos, labels, CLASSES, neighbours, sharpness)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=1e-4)


def test_photos_scored_in_parts_score_the_same(photos, train_photos, labels, monkeypatch):
    at_once = neighbour_scores(photos, train_photos, labels, CLASSES)
    monkeypatch.setattr(evidence, "PHOTOS_AT_ONCE", 2)
    torch.testing.assert_close(neighbour_scores(photos, train_photos, labels, CLASSES), at_once)


def test_a_class_without_votes_has_the_floor(photos, train_photos, labels):
    found = neighbour_scores(photos, train_photos, labels, CLASSES)
    torch.testing.assert_close(found[:, -1], torch.full((9,), math.log(VOTE_FLOOR)))


def test_a_photo_without_near_neighbours_says_nothing(train_photos, labels):
    far = -normalize(train_photos.mean(0, keepdim=True), dim=1)
    found = neighbour_scores(far, train_photos, labels, CLASSES, neighbours=3, sharpness=0.02)
    assert float(found.max() - found.min()) < 1e-3


@pytest.mark.parametrize("count", [0, 3])
def test_the_shape_is_photos_by_classes(count, train_photos, labels, names):
    photos = directions(count, seed=3)
    shape = (count, CLASSES)
    assert name_scores(photos, names).shape == shape
    assert prototype_scores(photos, train_photos, labels, CLASSES, photos @ names.T).shape == shape
    assert neighbour_scores(photos, train_photos, labels, CLASSES).shape == shape


def test_no_training_photo_is_an_error(photos, train_photos, labels, names):
    none, of_none = train_photos[:0], labels[:0]
    with pytest.raises(ValueError, match="no training photo"):
        prototype_scores(photos, none, of_none, CLASSES, photos @ names.T)
    with pytest.raises(ValueError, match="no training photo"):
        neighbour_scores(photos, none, of_none, CLASSES)
