import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from chajong.members.heads.prototypes import (
    COSINE_SCALE,
    NAME_RIDGE,
    fit_name_aware,
    fit_prototypes,
    name_aware_prototypes,
)
from chajong.members.heads.whitening import whiten, within_class_covariance


def unit_rows(count, width, seed=0):
    return normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)))


def whitened_cloud(features, labels, classes):
    return whiten(features, within_class_covariance(features, labels, classes), 0.3)


def name_aware(whitened, labels, classes, names, name_weights):
    rows = name_aware_prototypes(whitened.directions, labels, classes, names, name_weights)
    return fit_name_aware(rows)


def prototypes_of(whitened, labels, classes):
    """Give unit class means, zero for a class without photos."""
    rows = [whitened.directions[labels == number] for number in range(classes)]
    means = [part.mean(0) if len(part) else torch.zeros(part.shape[1]) for part in rows]
    return normalize(torch.stack(means))


def suggestion(number, names, prototypes, present):
    """Predict one prototype by kernel ridge regression from all other classes with photos."""
    others = np.array([other for other in present if other != number])
    names, prototypes = names.double().numpy(), prototypes.double().numpy()
    centred = names - names[present].mean(0)
    average = prototypes[present].mean(0)
    kernel = centred[others] @ centred[others].T + NAME_RIDGE * np.eye(len(others))
    dual = np.linalg.solve(kernel, prototypes[others] - average)
    predicted = average + centred[number] @ centred[others].T @ dual
    return torch.from_numpy(predicted / np.linalg.norm(predicted)).float()


@pytest.mark.parametrize("shrinkage", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("photos", "dimensions"), [(90, 6), (12, 16)])
def test_scores_are_differences_of_mahalanobis_distances(cloud, photos, dimensions, shrinkage):
    features, labels = cloud(photos, dimensions)
    covariance = within_class_covariance(features, labels, 5)
    (head,) = fit_prototypes(features, labels, 5, covariance, [shrinkage])
    inverse = covariance.power(-1, shrinkage)(torch.eye(dimensions)).double().numpy()
    points, centre = features.double().numpy(), features.double().numpy().mean(0)

    def distance(point, mean):
        return (point - mean) @ inverse @ (point - mean)

    for point, scores in zip(points[:10], head.scores(features[:10]), strict=True):
        means = [points[labels.numpy() == number].mean(0) for number in range(4)]
        means.append(centre)  # class 4 has no photo
        expected = [(distance(point, centre) - distance(point, mean)) / 2 for mean in means]
        np.testing.assert_allclose(scores, expected, rtol=1e-2, atol=1e-2)


def test_full_shrinkage_ranks_classes_by_the_distance_to_their_mean(cloud):
    features, labels = cloud()
    covariance = within_class_covariance(features, labels, 4)
    (head,) = fit_prototypes(features, labels, 4, covariance, [1.0])
    means = torch.stack([features[labels == number].mean(0) for number in range(4)])
    nearest_first = torch.cdist(features, means).argsort(1)
    torch.testing.assert_close(head.scores(features).argsort(1, descending=True), nearest_first)


def test_without_names_scores_are_cosines_to_the_prototypes(cloud):
    features, labels = cloud()
    whitened = whitened_cloud(features, labels, 4)
    (head,) = name_aware(whitened, labels, 4, unit_rows(4, 5), [0.0])
    expected = COSINE_SCALE * whitened.directions @ prototypes_of(whitened, labels, 4).T
    torch.testing.assert_close(head.scores(whitened.directions), expected, atol=1e-4, rtol=1e-4)


def test_the_name_adds_what_the_other_classes_suggest(cloud):
    features, labels = cloud(photos=70, classes=7)
    names, weights = unit_rows(7, 5), [0.2, 1.5]
    whitened = whitened_cloud(features, labels, 7)
    prototypes = prototypes_of(whitened, labels, 7)
    left_out = [suggestion(number, names, prototypes, np.arange(7)) for number in range(7)]
    heads = name_aware(whitened, labels, 7, names, weights)
    for weight, head in zip(weights, heads, strict=True):
        expected = COSINE_SCALE * normalize(prototypes + weight * torch.stack(left_out))
        torch.testing.assert_close(head.weights, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("name_weight", [0.0, 0.3])
def test_a_class_without_photos_is_scored_by_its_name_alone(cloud, name_weight):
    features, labels = cloud()
    labels = torch.tensor([0, 1, 3, 4])[labels]  # class 2 has no photo
    names = unit_rows(5, 6)
    whitened = whitened_cloud(features, labels, 5)
    (head,) = name_aware(whitened, labels, 5, names, [name_weight])
    present = np.array([0, 1, 3, 4])
    expected = suggestion(2, names, prototypes_of(whitened, labels, 5), present)
    torch.testing.assert_close(head.weights[2], COSINE_SCALE * expected, atol=2e-3, rtol=0)
    assert head.scores(whitened.directions).isfinite().all()


def test_the_name_of_a_class_without_photos_changes_no_other_class(cloud):
    features, labels = cloud()
    whitened = whitened_cloud(features, labels, 5)
    one, other = unit_rows(5, 6), unit_rows(5, 6)
    other[4] = unit_rows(1, 6, seed=1)
    (first,) = name_aware(whitened, labels, 5, one, [0.5])
    (second,) = name_aware(whitened, labels, 5, other, [0.5])
    torch.testing.assert_close(first.weights[:4], second.weights[:4])
    assert not torch.allclose(first.weights[4], second.weights[4])
