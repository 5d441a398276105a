import numpy as np
import pytest

from chajong.ensembling import unlikeness
from chajong.ensembling.unlikeness import neighbour_distance


def obvious(features, folds, neighbours):
    def distance(photo, excluded):
        cosines = [
            features[photo] @ other / np.linalg.norm(features[photo]) / np.linalg.norm(other)
            for other, fold in zip(features, folds, strict=True)
            if fold >= 0 and fold != excluded
        ]
        return 1 - np.mean(sorted(cosines)[-neighbours:])

    known = sorted({fold for fold in folds if fold >= 0})
    return [
        distance(photo, fold) if fold >= 0 else np.mean([distance(photo, f) for f in known])
        for photo, fold in enumerate(folds)
    ]


def photos(seed=0, count=60):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 6)).astype(np.float32)
    return features, generator.integers(-2, 4, size=count)


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
def test_distances_are_those_of_a_loop(neighbours, monkeypatch):
    monkeypatch.setattr(unlikeness, "PHOTOS_AT_ONCE", 7)
    features, folds = photos()
    found = neighbour_distance(features, folds, neighbours)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, obvious(features, folds, neighbours), atol=1e-5)


def test_a_copy_in_the_same_fold_does_not_make_a_photo_known():
    features, folds = photos()
    features[1], folds[0], folds[1] = features[0], 2, 2
    alone = np.delete(features, 1, axis=0), np.delete(folds, 1)
    assert neighbour_distance(features, folds)[0] == neighbour_distance(*alone)[0]


def test_a_photo_like_no_other_is_the_farthest():
    features, folds = photos()
    features = np.abs(features)
    features[5] *= -1
    assert neighbour_distance(features, folds).argmax() == 5


def test_photos_in_no_fold_are_no_neighbours():
    features, folds = photos()
    folds[-1], folds[0] = -2, 0
    before = neighbour_distance(features, folds)[0]
    features[-1] = features[0]
    assert neighbour_distance(features, folds)[0] == before


def test_photos_in_and_out_of_folds_are_measured_alike():
    features, folds = photos(count=3000)
    found = neighbour_distance(features, folds)
    assert found[folds < 0].mean() == pytest.approx(found[folds >= 0].mean(), rel=0.03)


def test_a_photo_without_features_is_at_distance_one():
    features, folds = photos()
    features[3] = 0
    assert neighbour_distance(features, folds)[3] == 1


def test_one_fold_is_not_enough():
    with pytest.raises(ValueError, match="at least two"):
        neighbour_distance(np.ones((4, 2), np.float32), np.array([0, 0, -1, -2]))
