import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy, normalize

from chajong.members.heads.logistic_regression import fit_logistic_regression, logistic_path
from chajong.members.heads.whitening import class_means, whiten, within_class_covariance

PULLS = (1.0, 0.1, 0.01, 0.001)
EXACT = 1e-9


def directions_of(features, labels, classes):
    return whiten(features, within_class_covariance(features, labels, classes), 0.3).directions


def objective(directions, labels, weights, start, pull):
    loss = cross_entropy(directions @ weights.T, labels)
    return loss + pull / 2 * (weights - start).square().sum()


@pytest.mark.parametrize(("photos", "dimensions"), [(120, 6), (20, 15), (12, 18)])
def test_a_pull_towards_zero_gives_what_scikit_learn_gives(cloud, photos, dimensions):
    features, labels = cloud(photos, dimensions)
    directions = normalize(features - features.mean(0))
    path = logistic_path(directions, labels, torch.zeros(4, dimensions), PULLS, EXACT)
    for pull, weights in zip(PULLS, path, strict=True):
        model = LogisticRegression(
            C=1 / (pull * photos), fit_intercept=False, tol=1e-9, max_iter=20_000
        ).fit(directions.numpy(), labels.numpy())
        largest = np.abs(model.coef_).max()
        np.testing.assert_allclose(weights, model.coef_, atol=2e-3 * largest)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.5, 20.0), pull=st.sampled_from(PULLS))
def test_no_small_move_lowers_the_objective(seed, scale, pull):
    generator = torch.Generator().manual_seed(seed)
    directions = normalize(torch.randn(40, 6, generator=generator))
    labels = torch.arange(40) % 4
    start = scale * normalize(torch.randn(4, 6, generator=generator))
    (weights,) = logistic_path(directions, labels, start, [pull], EXACT)
    least = objective(directions, labels, weights, start, pull)
    for size in (0.01, 0.1, 1.0):
        moved = weights + size * torch.randn(4, 6, generator=generator)
        assert objective(directions, labels, moved, start, pull) >= least - 1e-6


def test_a_weaker_pull_leaves_the_prototypes_farther_behind(cloud):
    features, labels = cloud()
    directions = directions_of(features, labels, 4)
    prototypes = normalize(class_means(directions, labels, 4)[0])
    heads = fit_logistic_regression(directions, labels, prototypes, [8.0], (1e6, *PULLS))
    distances = [float((head.weights - 8 * prototypes).norm()) for head in heads]
    assert distances == sorted(distances)
    assert distances[0] < 1e-3
    losses = [cross_entropy(head.scores(directions), labels) for head in heads]
    assert losses == sorted(losses, reverse=True)


def test_the_path_ends_where_a_fit_of_its_last_pull_alone_does(cloud):
    features, labels = cloud()
    directions, start = directions_of(features, labels, 4), torch.zeros(4, 6)
    along_the_path = logistic_path(directions, labels, start, PULLS, EXACT)[-1]
    (alone,) = logistic_path(directions, labels, start, PULLS[-1:], EXACT)
    torch.testing.assert_close(along_the_path, alone, atol=2e-2, rtol=0)


def test_one_head_a_scale_and_pull_in_their_order(cloud):
    features, labels = cloud()
    directions = directions_of(features, labels, 4)
    prototypes = normalize(class_means(directions, labels, 4)[0])
    heads = fit_logistic_regression(directions, labels, prototypes, [4.0, 9.0], [1e6, 1e5])
    lengths = [round(float(head.weights.norm(dim=1).mean())) for head in heads]
    assert lengths == [4, 4, 9, 9]


@pytest.mark.parametrize("absent", [0, 2, 4])
def test_a_class_without_photos_keeps_its_prototype_and_changes_no_other(cloud, absent):
    features, labels = cloud()
    present = torch.tensor([number for number in range(5) if number != absent])
    directions = directions_of(features, labels, 4)
    prototypes = normalize(torch.randn(5, 6, generator=torch.Generator().manual_seed(1)))
    (without,) = fit_logistic_regression(directions, labels, prototypes[present], [8.0], [0.01])
    (head,) = fit_logistic_regression(directions, present[labels], prototypes, [8.0], [0.01])
    torch.testing.assert_close(head.weights[absent], 8 * prototypes[absent])
    torch.testing.assert_close(head.weights[present], without.weights)


def test_one_class_alone_is_certain(cloud):
    features, labels = cloud(classes=1)
    directions = directions_of(features, labels, 1)
    (head,) = fit_logistic_regression(directions, labels, torch.zeros(1, 6), [8.0], [0.01])
    assert head.scores(directions).log_softmax(1).eq(0).all()
