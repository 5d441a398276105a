import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from chajong.members.heads.logistic_regression import fit_logistic_regression

GRID = (0.1, 1.0, 10.0, 100.0)
EXACT = 1e-9


def scaled(features):
    """Centre features and give them mean squared length 1."""
    centred = features.double().numpy() - features.double().numpy().mean(0)
    return centred / np.sqrt((centred**2).sum(1).mean())


def reference(features, labels, strength):
    model = LogisticRegression(C=strength, tol=1e-9, max_iter=20000)
    return model.fit(scaled(features), labels.numpy())


def objective(features, labels, weights, intercepts, strength):
    scores = scaled(features) @ weights.T + intercepts
    given = log_softmax(scores, axis=1)[np.arange(len(labels)), labels.numpy()]
    return -strength * given.sum() + (weights**2).sum() / 2


def on_scaled_features(head, features):
    """Rewrite a head as weights and intercepts for `scaled` features."""
    centred = features.double() - features.double().mean(0)
    length = float(np.sqrt((centred.numpy() ** 2).sum(1).mean()))
    weights = head.weights.double().numpy()
    centre = features.double().numpy().mean(0)
    return weights * length, head.intercepts.double().numpy() + weights @ centre


@pytest.mark.parametrize(("photos", "dimensions"), [(120, 6), (20, 15), (12, 18)])
def test_every_c_gives_what_scikit_learn_gives(cloud, photos, dimensions):
    features, labels = cloud(photos, dimensions)
    heads = fit_logistic_regression(features, labels, 4, GRID, EXACT)
    for strength, head in zip(GRID, heads, strict=True):
        model = reference(features, labels, strength)
        expected = log_softmax(model.decision_function(scaled(features)), axis=1)
        np.testing.assert_allclose(head.scores(features).log_softmax(1), expected, atol=2e-3)
        weights, _ = on_scaled_features(head, features)
        np.testing.assert_allclose(weights, model.coef_, atol=2e-3 * np.abs(model.coef_).max())


@pytest.mark.parametrize(("photos", "dimensions"), [(120, 6), (20, 15)])
def test_the_objective_is_no_worse_than_scikit_learns(cloud, photos, dimensions):
    features, labels = cloud(photos, dimensions, seed=1)
    for strength, head in zip(
        GRID, fit_logistic_regression(features, labels, 4, GRID, EXACT), strict=True
    ):
        model = reference(features, labels, strength)
        least = objective(features, labels, model.coef_, model.intercept_, strength)
        parts = on_scaled_features(head, features)
        assert objective(features, labels, *parts, strength) <= least * (1 + 1e-5)


def test_the_tolerance_of_the_search_costs_next_to_nothing(cloud):
    features, labels = cloud(150, 10)
    for strength, head in zip(
        GRID, fit_logistic_regression(features, labels, 4, GRID, 1e-4), strict=True
    ):
        model = reference(features, labels, strength)
        least = objective(features, labels, model.coef_, model.intercept_, strength)
        parts = on_scaled_features(head, features)
        assert objective(features, labels, *parts, strength) <= least * (1 + 1e-3)


def test_the_path_ends_where_a_fit_of_its_last_c_alone_does(cloud):
    features, labels = cloud()
    along_the_path = fit_logistic_regression(features, labels, 4, GRID, EXACT)[-1]
    (alone,) = fit_logistic_regression(features, labels, 4, GRID[-1:], EXACT)
    expected = alone.scores(features).log_softmax(1)
    torch.testing.assert_close(
        along_the_path.scores(features).log_softmax(1), expected, atol=3e-3, rtol=0
    )


def test_the_order_of_photos_does_not_matter(cloud):
    features, labels = cloud()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    (head,) = fit_logistic_regression(features, labels, 4, [10.0], EXACT)
    (shuffled,) = fit_logistic_regression(features[order], labels[order], 4, [10.0], EXACT)
    torch.testing.assert_close(shuffled.scores(features), head.scores(features), atol=2e-3, rtol=0)


def test_the_unit_and_the_origin_of_features_do_not_matter(cloud):
    features, labels = cloud()
    (head,) = fit_logistic_regression(features, labels, 4, [10.0], EXACT)
    (moved,) = fit_logistic_regression(50 * features - 7, labels, 4, [10.0], EXACT)
    torch.testing.assert_close(
        moved.scores(50 * features - 7), head.scores(features), atol=5e-3, rtol=0
    )


def test_a_class_without_photos_gets_finite_low_scores(cloud):
    features, labels = cloud(classes=3)
    names = torch.tensor([0, 2, 4])  # classes 1, 3 and 5 have no photo
    (head,) = fit_logistic_regression(features, names[labels], 6, [10.0], EXACT)
    (without,) = fit_logistic_regression(features, labels, 3, [10.0], EXACT)
    scores = head.scores(features)
    assert scores.isfinite().all()
    torch.testing.assert_close(
        scores[:, names].log_softmax(1), without.scores(features).log_softmax(1), atol=2e-3, rtol=0
    )
    odds = scores[:, 1] - scores[:, names].logsumexp(1)
    torch.testing.assert_close(odds.mean().exp(), torch.tensor(1 / len(features)))
    torch.testing.assert_close(scores[:, [1, 3, 5]], scores[:, [1, 1, 1]])
    assert not head.weights[[1, 3, 5]].any()


def test_one_class_alone_is_certain(cloud):
    features, labels = cloud(classes=1)
    (head,) = fit_logistic_regression(features, labels, 1, [1.0], 1e-4)
    assert head.scores(features).log_softmax(1).eq(0).all()
