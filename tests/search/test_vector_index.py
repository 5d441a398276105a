"""Nearest vectors against obvious NumPy, by every kind of index."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chajong.search.vector_index import (
    NONE_FOUND,
    IndexParameters,
    build_vector_index,
    read_vector_index,
    unit_vectors,
)

EXACT = IndexParameters(kind="exact")
LISTS = IndexParameters(kind="ivf_pq", lists=16, probes=16, reranked=200)


def clustered(count, dimensions=32, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(40, dimensions))
    near = centres[generator.integers(40, size=count)]
    return (near + 0.4 * generator.normal(size=(count, dimensions))).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    return clustered(3_000)


@pytest.fixture(scope="module")
def lists(vectors):
    return build_vector_index(vectors, LISTS)


def obvious(queries, vectors, count, allowed=None):
    cosines = unit_vectors(queries) @ unit_vectors(vectors).T
    if allowed is not None:
        cosines[:, ~allowed] = -np.inf
    return -np.sort(-cosines, axis=1)[:, :count]


@given(
    arrays(np.float32, (30, 4), elements=st.floats(-4, 4, width=32)),
    arrays(np.float32, (3, 4), elements=st.floats(-4, 4, width=32)),
    arrays(bool, 30),
    st.integers(1, 35),
)
def test_exact_search_finds_the_largest_cosines_among_those_allowed(
    vectors, queries, allowed, count
):
    index = build_vector_index(vectors, EXACT)
    positions, cosines = index.nearest(queries, count, allowed)
    found = positions != NONE_FOUND
    assert (found.sum(axis=1) == min(count, allowed.sum())).all()
    assert allowed[positions[found]].all()
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in positions)
    available = min(count, int(allowed.sum()))
    expected = obvious(queries, vectors, available, allowed)
    np.testing.assert_allclose(cosines[:, :available], expected, atol=1e-5)


@pytest.mark.slow
def test_lists_find_nearly_all_and_say_their_true_cosines(vectors, lists):
    queries = clustered(50, seed=1)
    positions, cosines = lists.nearest(queries, 10)
    expected = obvious(queries, vectors, 10)
    assert (cosines >= expected[:, -1:] - 1e-3).mean() > 0.95
    true = np.einsum("qd,qkd->qk", unit_vectors(queries), unit_vectors(vectors)[positions])
    np.testing.assert_allclose(cosines, true, atol=2e-3)


@pytest.mark.parametrize("share", [0.001, 0.4])
def test_a_filter_is_kept_by_lists_too(vectors, lists, share, monkeypatch):
    import chajong.search.vector_index as module

    monkeypatch.setattr(module, "BRUTE_FORCE_UP_TO", 100)
    allowed = np.random.default_rng(0).random(len(vectors)) < share
    queries = clustered(20, seed=2)
    positions, cosines = lists.nearest(queries, 5, allowed)
    assert allowed[positions[positions != NONE_FOUND]].all()
    expected = obvious(queries, vectors, 5, allowed)
    wanted = np.isfinite(expected)
    assert (cosines[wanted] >= expected[wanted] - 2e-3).mean() > 0.9


@pytest.mark.slow
def test_auto_is_exact_until_there_are_many(vectors):
    few = IndexParameters(exact_up_to=len(vectors), lists=8)
    many = IndexParameters(exact_up_to=len(vectors) - 1, lists=8)
    assert build_vector_index(vectors, few).lists is None
    assert build_vector_index(vectors, many).lists is not None


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [EXACT, LISTS])
def test_an_index_read_back_answers_the_same(vectors, parameters, tmp_path):
    index = build_vector_index(vectors, parameters)
    index.write(tmp_path)
    queries = clustered(5, seed=3)
    for before, after in zip(
        index.nearest(queries, 7),
        read_vector_index(tmp_path, parameters).nearest(queries, 7),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_the_same_vectors_make_the_same_lists(vectors, lists):
    queries = clustered(5, seed=4)
    again = build_vector_index(vectors, LISTS)
    np.testing.assert_array_equal(again.nearest(queries, 5)[0], lists.nearest(queries, 5)[0])


def test_threads_may_search_at_once(lists):
    queries = [clustered(1, seed=seed) for seed in range(40)]
    alone = [lists.nearest(query, 5)[0] for query in queries]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda query: lists.nearest(query, 5)[0], queries))
    np.testing.assert_array_equal(alone, together)
