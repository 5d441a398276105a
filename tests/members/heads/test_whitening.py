import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from chajong.members.heads import whitening
from chajong.members.heads.whitening import (
    class_means,
    principal_directions,
    whiten,
    within_class_covariance,
)

SHAPES = pytest.mark.parametrize(("photos", "dimensions"), [(90, 6), (10, 14), (14, 14)])


def covariance_matrix(features, labels):
    residual = features.double().numpy().copy()
    for label in np.unique(labels):
        residual[labels.numpy() == label] -= residual[labels.numpy() == label].mean(0)
    return residual.T @ residual / len(residual)


def dense(power):
    return power(torch.eye(len(power.directions)))


@SHAPES
@pytest.mark.parametrize("shrinkage", [0.1, 0.5, 1.0])
def test_the_inverse_is_that_of_the_shrunken_covariance(cloud, photos, dimensions, shrinkage):
    features, labels = cloud(photos, dimensions)
    sigma = covariance_matrix(features, labels)
    identity = np.eye(dimensions)
    expected = np.linalg.inv(
        (1 - shrinkage) * sigma + shrinkage * np.trace(sigma) / dimensions * identity
    )
    inverse = dense(within_class_covariance(features, labels, 4).power(-1, shrinkage))
    np.testing.assert_allclose(inverse, expected, rtol=2e-3, atol=2e-4 * np.abs(expected).max())


@SHAPES
def test_the_power_minus_a_half_is_the_root_of_the_inverse(cloud, photos, dimensions):
    covariance = within_class_covariance(*cloud(photos, dimensions), 4)
    root = dense(covariance.power(-0.5, 0.3))
    inverse = dense(covariance.power(-1, 0.3))
    torch.testing.assert_close(root @ root, inverse, rtol=1e-3, atol=1e-4)


@SHAPES
@pytest.mark.parametrize("exponent", [-1, -0.5])
def test_a_power_maps_as_the_dense_matrix_does(cloud, photos, dimensions, exponent):
    features, labels = cloud(photos, dimensions)
    covariance = within_class_covariance(features, labels, 4)
    sigma = covariance_matrix(features, labels)
    floor = 0.3 * np.trace(sigma) / dimensions * np.eye(dimensions)
    variances, vectors = np.linalg.eigh(0.7 * sigma + floor)
    matrix = (vectors * variances**exponent) @ vectors.T
    rows, _ = cloud(7, dimensions, seed=1)
    expected = rows.double().numpy() @ matrix
    mapped = covariance.power(exponent, 0.3)(rows)
    np.testing.assert_allclose(mapped, expected, atol=1e-5 * np.abs(expected).max())


@SHAPES
def test_principal_directions_rebuild_the_covariance(cloud, photos, dimensions):
    features, _ = cloud(photos, dimensions)
    rows = features - features.mean(0)
    variances, directions = principal_directions(rows)
    assert directions.shape == (dimensions, min(photos, dimensions))
    torch.testing.assert_close(
        directions.T @ directions, torch.eye(len(variances)), atol=1e-5, rtol=0
    )
    rebuilt = directions * variances @ directions.T
    torch.testing.assert_close(rebuilt, rows.T @ rows / photos, atol=1e-4, rtol=1e-4)
    assert (variances >= 0).all()


def test_directions_are_orthonormal_where_rows_repeat():
    rows = torch.randn(2, 9, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    variances, directions = principal_directions(rows)
    torch.testing.assert_close(directions.T @ directions, torch.eye(6), atol=1e-5, rtol=0)
    assert (variances > 1e-4).sum() == 2


def test_photos_that_do_not_differ_give_finite_powers():
    features = torch.eye(3, 5)
    covariance = within_class_covariance(features, torch.arange(3), 3)
    assert dense(covariance.power(-1, 0.3)).isfinite().all()
    assert whiten(features, covariance, 0.3).directions.isfinite().all()


def test_class_means_are_those_of_a_loop(cloud):
    features, labels = cloud(photos=31)
    means, counts = class_means(features, labels, 6)
    for number in range(6):
        of_class = features[labels == number]
        assert counts[number] == len(of_class)
        expected = of_class.mean(0) if len(of_class) else torch.zeros(6)
        torch.testing.assert_close(means[number], expected)


def test_whitening_makes_the_spread_within_classes_round(cloud):
    features, labels = cloud(photos=200)
    covariance = within_class_covariance(features, labels, 4)
    rows = covariance.power(-0.5, 1e-6)(features - covariance.centre)
    spread = covariance_matrix(rows, labels)
    np.testing.assert_allclose(spread, np.eye(6), atol=1e-3)


def test_whitened_photos_have_length_one(cloud):
    features, labels = cloud()
    whitened = whiten(features, within_class_covariance(features, labels, 4), 0.3)
    torch.testing.assert_close(whitened.directions.norm(dim=1), torch.ones(len(features)))


@SHAPES
def test_cosines_are_those_after_the_dense_whitening(cloud, photos, dimensions):
    features, labels = cloud(photos, dimensions)
    unseen, _ = cloud(9, dimensions, seed=1)
    covariance = within_class_covariance(features, labels, 4)
    whitened = whiten(features, covariance, 0.3)
    matrix = dense(covariance.power(-0.5, 0.3)).double()
    known, asked = (
        normalize((rows - features.mean(0)).double() @ matrix) for rows in (features, unseen)
    )
    found = whitened.whitening(unseen) @ whitened.directions.T
    torch.testing.assert_close(found, (asked @ known.T).float(), atol=2e-3, rtol=0)


@pytest.fixture
def few_directions(cloud, monkeypatch):
    """Photos that vary along 12 of 50 dimensions, where more than 20 would be wide."""
    monkeypatch.setattr(whitening, "WIDE", 20)
    monkeypatch.setattr(whitening, "LEADING_DIRECTIONS", 12)
    monkeypatch.setattr(whitening, "PHOTOS_FOR_DIRECTIONS", 40)
    features, labels = cloud(90, 12)
    random = torch.randn(50, 12, generator=torch.Generator().manual_seed(2))
    return features @ torch.linalg.qr(random)[0].T, labels


@pytest.mark.parametrize("exponent", [-1, -0.5])
def test_leading_directions_are_enough_where_nothing_else_varies(few_directions, exponent):
    features, labels = few_directions
    covariance = within_class_covariance(features, labels, 4)
    assert covariance.directions.shape == (50, 12 + 4)
    sigma = covariance_matrix(features, labels)
    variances, vectors = np.linalg.eigh(0.7 * sigma + 0.3 * np.trace(sigma) / 50 * np.eye(50))
    expected = (vectors * variances**exponent) @ vectors.T
    found = covariance.power(exponent, 0.3)(torch.eye(50))
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_leading_directions_are_those_of_most_variance(cloud, monkeypatch):
    monkeypatch.setattr(whitening, "LEADING_DIRECTIONS", 3)
    features, _ = cloud(90, 30)
    features = features - features.mean(0)
    features[:, [4, 11, 25]] *= 50
    found = whitening.leading_directions(features)
    torch.testing.assert_close(found.T @ found, torch.eye(3), atol=1e-5, rtol=0)
    assert (found[[4, 11, 25]].square().sum(1) > 0.99).all()


def test_photos_that_are_whitened_in_parts_are_the_same(cloud, monkeypatch):
    features, labels = cloud()
    covariance = within_class_covariance(features, labels, 4)
    at_once = whiten(features, covariance, 0.3).directions
    monkeypatch.setattr(whitening, "PHOTOS_AT_ONCE", 7)
    torch.testing.assert_close(whiten(features, covariance, 0.3).directions, at_once)


def test_class_means_are_told_apart_beside_leading_directions(monkeypatch):
    """Classes differ where photos of one class hardly do."""
    monkeypatch.setattr(whitening, "WIDE", 20)
    monkeypatch.setattr(whitening, "LEADING_DIRECTIONS", 3)
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 4
    features = torch.randn(60, 40, generator=random) * (torch.arange(40) < 3).float()
    features[:, 20:24] += 0.1 * torch.eye(4)[labels]
    covariance = within_class_covariance(features, labels, 4)
    seen = whiten(features, covariance, 0.1).directions
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(60))
    means = class_means(features, labels, 4)[0] - features.mean(0)
    across = means - means @ covariance.directions @ covariance.directions.T
    assert across.abs().max() < 1e-5 < means.abs().max()
