import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from chajong.ensembling.families import family_classes
from chajong.ensembling.specialists.specialists import (
    NO_SPECIALISTS,
    SpecialistSettings,
    cross_fit_specialists,
    fit_specialists,
)
from chajong.predictions.certain_gain import label_gains

FAMILIES = np.array([0, 0, 1, 1, 1, 2, 2, 3])
SETTINGS = SpecialistSettings(directions=8)
MEANS = np.random.default_rng(99).normal(size=(8, 20))


def problem(seed, knowing, photos=400):
    """A pool that knows the family only; features know the class in the families `knowing`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(8, size=photos)
    # Classes of one family are equally probable: differences without meaning would be worth
    # levelling, even to a specialist that knows nothing else.
    noise = generator.normal(size=(photos, 4))[:, FAMILIES]
    logits = 6.0 * (FAMILIES[labels][:, None] == FAMILIES) + noise
    known = np.isin(FAMILIES[labels], knowing)[:, None]
    features = generator.normal(size=(photos, 20)) + known * MEANS[labels] * 1.5
    return (
        log_softmax(logits, axis=1).astype(np.float32),
        features.astype(np.float32),
        labels,
    )


def fit(seed, knowing):
    logs, features, labels = problem(seed, knowing)
    groups = np.arange(len(labels))
    return fit_specialists(logs, features, labels, groups, FAMILIES, SETTINGS)


def test_only_families_that_the_features_tell_apart_get_a_specialist():
    found = fit(0, [1])
    assert [head.classes.tolist() for head in found.kept] == [[2, 3, 4]]
    assert len(found.heads) == 3


def test_a_specialist_helps_on_other_photos():
    found = fit(0, [0, 1, 2])
    logs, features, labels = problem(1, [0, 1, 2])
    gains = label_gains(found.log_probabilities(logs, features), logs, labels)
    assert gains.mean() > 0.3
    np.testing.assert_array_equal(gains[labels == 7], 0)


@pytest.mark.parametrize("seed", range(5))
def test_features_that_know_nothing_change_nothing(seed):
    found = fit(seed, [])
    logs, features, _ = problem(seed, [])
    assert not found.kept
    assert np.array_equal(found.log_probabilities(logs, features), logs)


FOUND = fit(0, [0, 1])


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_masses_of_families_and_all_else_stay(seed):
    generator = np.random.default_rng(seed)
    logs = log_softmax(generator.normal(size=(5, 8)) * 4, axis=1).astype(np.float32)
    features = generator.normal(size=(5, 20)).astype(np.float32) * 5
    changed = FOUND.log_probabilities(logs, features)
    for classes in family_classes(FAMILIES):
        masses = [np.exp(values[:, classes]).sum(axis=1) for values in (changed, logs)]
        np.testing.assert_allclose(*masses, rtol=1e-4)
    kept = np.concatenate([head.classes for head in FOUND.kept])
    rest = np.setdiff1d(np.arange(8), kept)
    assert np.array_equal(changed[:, rest], logs[:, rest])
    np.testing.assert_allclose(np.exp(changed).sum(axis=1), 1, rtol=1e-4)


def test_a_class_without_photos_is_left_as_it_is():
    logs, features, labels = problem(0, [1])
    seen = labels != 3
    found = fit_specialists(
        logs[seen], features[seen], labels[seen], np.arange(seen.sum()), FAMILIES, SETTINGS
    )
    changed = found.log_probabilities(logs, features)
    assert [head.classes.tolist() for head in found.kept] == [[2, 4]]
    assert np.array_equal(changed[:, 3], logs[:, 3])


def test_small_families_and_families_of_one_group_are_not_tried():
    logs, features, labels = problem(0, [0, 1, 2], photos=60)
    few = SpecialistSettings(smallest=61)
    assert fit_specialists(logs, features, labels, labels, FAMILIES, few) is NO_SPECIALISTS
    one = np.zeros(60, int)
    assert fit_specialists(logs, features, labels, one, FAMILIES, SETTINGS) is NO_SPECIALISTS
    assert np.array_equal(NO_SPECIALISTS.log_probabilities(logs, features), logs)


def test_the_report_names_classes_photos_and_gains():
    found = fit(0, [1])
    report = found.report([f"차{index}" for index in range(8)])
    assert report["classes"].iloc[0] == "차2, 차3, 차4"
    assert report["kept"].tolist() == [True, False, False]
    assert (report["gain_low"] <= report["gain"]).all()
    assert report["photos"].sum() == sum(head.photos for head in found.heads)
    assert NO_SPECIALISTS.report([]).columns.tolist() == report.columns.tolist()


def test_labels_of_a_part_do_not_change_its_own_rows():
    logs, features, labels = problem(0, [0, 1])
    parts, groups = np.arange(len(labels)) % 3, np.arange(len(labels))
    counts = np.arange(len(labels)) % 7 != 0
    spoiled = np.where((parts == 1) | ~counts, (labels + 1) % 8, labels)
    rows = [
        cross_fit_specialists(
            logs, features, given, counts, groups, parts, FAMILIES, SETTINGS
        ).apply(lambda found, chosen: found.log_probabilities(logs[chosen], features[chosen]))
        for given in (labels, spoiled)
    ]
    assert np.array_equal(rows[0][parts == 1], rows[1][parts == 1])
    assert not np.array_equal(rows[0][parts == 0], rows[1][parts == 0])
