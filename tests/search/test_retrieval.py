"""Retrieval figures against obvious loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.search.retrieval import measure_retrieval


def rows(seed, count):
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(count, 6)).astype(np.float32),
        generator.integers(4, size=count),
        generator.integers(count // 2, size=count),
    )


def obvious(query, label, group, gallery):
    vectors, labels, groups = gallery
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1)
    ranked = [labels[place] for place in np.argsort(-cosines) if groups[place] != group]
    right = [place for place, found in enumerate(ranked) if found == label]
    precisions = [(number + 1) / (place + 1) for number, place in enumerate(right)]
    return right[0] if right else -1, np.mean(precisions) if right else np.nan


@given(st.integers(0, 10_000), st.integers(4, 40))
def test_figures_are_those_of_obvious_loops(seed, count):
    gallery = rows(seed, count)
    got = measure_retrieval(gallery, gallery)
    expected = [obvious(*each, gallery) for each in zip(*gallery, strict=True)]
    assert got.first_right.tolist() == [first for first, _ in expected]
    np.testing.assert_allclose(got.average_precision, [value for _, value in expected])


def test_near_duplicates_do_not_count():
    vectors = np.array([[1, 0], [1, 0.01], [0.5, 1], [0.6, 1]], np.float32)
    labels, groups = np.array([0, 0, 1, 0]), np.array([7, 7, 8, 9])
    query = vectors[:1], labels[:1], groups[:1]
    found = measure_retrieval(query, (vectors, labels, groups))
    assert found.first_right.tolist() == [0]
    assert found.recall(1).tolist() == [True]
    alone = measure_retrieval(query, (vectors[:2], labels[:2], groups[:2]))
    assert not alone.answerable.any()


def test_recall_and_mean_average_precision_leave_out_the_unanswerable():
    gallery = (
        np.array([[1, 0], [0.9, 0.1], [0, 1]], np.float32),
        np.array([0, 0, 1]),
        np.arange(3),
    )
    found = measure_retrieval(gallery, gallery)
    assert found.answerable.tolist() == [True, True, False]
    assert found.recall(1).mean() == 1
    assert found.mean_average_precision == pytest.approx(1)
