import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from chajong.ensembling.specialists.family_head import (
    _loss_and_slopes,
    fit_family_head,
    weights_path,
)


def photos(knowledge, seed=0, count=200, members=3):
    generator = np.random.default_rng(seed)
    labels = generator.integers(members, size=count)
    inputs = generator.normal(size=(count, 6))
    inputs[:, :members] += knowledge * np.eye(members)[labels]
    own = log_softmax(generator.normal(size=(count, members)), axis=1)
    return own, inputs, labels


def test_the_slopes_of_the_loss_are_exact():
    own, inputs, labels = photos(1.0, count=30)
    target = np.eye(3)[labels]
    point = np.random.default_rng(1).normal(size=18)
    error = check_grad(
        lambda w: _loss_and_slopes(w, inputs, own, target, 2.0)[0],
        lambda w: _loss_and_slopes(w, inputs, own, target, 2.0)[1],
        point,
    )
    assert error < 1e-4


def test_without_a_pool_it_is_logistic_regression():
    own, inputs, labels = photos(1.0)
    found = weights_path(inputs, np.zeros_like(own), labels, [100.0, 5.0])[1]
    library = LogisticRegression(C=1 / 5.0, fit_intercept=False, tol=1e-8).fit(inputs, labels)
    np.testing.assert_allclose(found, library.coef_.T, atol=5e-3)


def test_a_strong_penalty_gives_the_pool_back():
    own, inputs, labels = photos(1.0)
    (weights,) = weights_path(inputs, own, labels, [1e9])
    np.testing.assert_allclose(weights, 0, atol=1e-6)


def test_what_features_know_is_a_certain_gain():
    own, inputs, labels = photos(2.0)
    head = fit_family_head(
        own, inputs, labels, np.arange(200), np.array([2, 5, 9]), (100.0, 10.0, 1.0)
    )
    assert head.gain > 0.5
    assert 0 < head.interval[0] < head.gain < head.interval[1]
    assert head.photos == 200


def test_the_stated_gain_is_what_other_photos_gain():
    classes = np.arange(3)
    own, inputs, labels = photos(1.0, count=900)
    seen = np.arange(900) < 300
    head = fit_family_head(
        own[seen], inputs[seen], labels[seen], np.arange(300), classes, (100.0, 10.0, 1.0)
    )
    moved = own[~seen].astype(np.float32)
    head.move(moved, inputs[~seen])
    rest = np.arange(600)
    gains = moved[rest, labels[~seen]] - own[~seen][rest, labels[~seen]]
    assert head.gain == pytest.approx(gains.mean(), abs=0.1)


def test_a_class_that_an_inner_part_lacks_is_no_problem():
    own, inputs, labels = photos(2.0, count=40)
    groups = np.where(labels == 1, 1000, np.arange(40))
    head = fit_family_head(own, inputs, labels, groups, np.arange(3), (10.0, 1.0))
    assert np.isfinite(head.gain)
    assert np.isfinite(head.weights).all()
