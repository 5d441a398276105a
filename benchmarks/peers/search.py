"""The index of many photos, against exact search by faiss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faiss
import numpy as np

from benchmarks.peers.comparison import Comparison
from benchmarks.search_scale import COUNT, draw
from chajong.search.vector_index import IndexParameters, build_vector_index

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS, DIMENSIONS, QUERIES = 200_000, 256, 200


def comparisons() -> Iterator[Comparison]:
    """Ask for the nearest photos, one query at a time.

    Yields:
        One comparison.
    """
    vectors = draw(VECTORS, DIMENSIONS, isotropic=False, seed=1)
    queries = draw(QUERIES, DIMENSIONS, isotropic=False, seed=2).astype(np.float32)
    index = build_vector_index(vectors, IndexParameters(kind="ivf_pq"))
    exact = faiss.IndexFlatIP(DIMENSIONS)
    exact.add(vectors.astype(np.float32))

    def ours() -> np.ndarray:
        return np.concatenate([index.nearest(query[None], COUNT)[0] for query in queries])

    def theirs() -> np.ndarray:
        return np.concatenate([exact.search(query[None], COUNT)[1] for query in queries])

    yield Comparison(
        job=f"search among {VECTORS:,} photos",
        peer="faiss, exact",
        work=QUERIES,
        unit="queries",
        ours=ours,
        theirs=theirs,
        agreement=lambda ours, theirs: f"recall@{COUNT} {shared(ours, theirs):.3f}",
    )


def shared(found: np.ndarray, true: np.ndarray) -> float:
    """Give the share of the true neighbours that were found."""
    pairs = zip(found, true, strict=True)
    return float(np.mean([len(set(one) & set(other)) / COUNT for one, other in pairs]))
