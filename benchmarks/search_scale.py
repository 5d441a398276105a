"""A large index against exact search: time to build, memory, latency of one query, recall.

    python -m benchmarks.search_scale [--vectors 1000000] [--dimensions 512] [--isotropic]

Vectors are drawn around 20,000 centres, as the photos of models are: the centres' variance falls
with the dimension (as 1 / rank, like the spectrum of real features), and photos lie around them
with half the centres' spread. ``--isotropic`` draws all of them alike from a sphere: then the
nearest neighbours are hardly nearer than the rest, the hardest case there is. Queries are further
vectors of the same kind that are not indexed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from chajong.search.vector_index import (
    IndexParameters,
    VectorIndex,
    build_vector_index,
    read_vector_index,
    unit_vectors,
)

CENTRES = 20_000
PART = 50_000
COUNT = 10


def draw(count: int, dimensions: int, isotropic: bool, seed: int) -> np.ndarray:
    """Draw vectors of one kind; different seeds share their centres."""
    spread = np.ones(dimensions) if isotropic else np.arange(1, dimensions + 1) ** -0.5
    spread = spread.astype(np.float32)
    centres = np.random.default_rng(0).standard_normal((CENTRES, dimensions), np.float32) * spread
    generator = np.random.default_rng(seed)
    vectors = np.empty((count, dimensions), np.float16)
    for start in range(0, count, PART):
        size = min(PART, count - start)
        noise = generator.standard_normal((size, dimensions), np.float32) * spread
        near = 0 if isotropic else centres[generator.integers(CENTRES, size=size)]
        vectors[start : start + size] = unit_vectors(near + (1 if isotropic else 0.5) * noise)
    return vectors


def exact(queries: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Compare one query at a time with every vector, part by part: positions and milliseconds."""
    wide = vectors.astype(np.float32)
    index = VectorIndex(wide, None, 1, 1)
    found, times = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(index.nearest(query[None], COUNT)[0][0])
        times.append(1000 * (time.perf_counter() - started))
    return np.array(found), times


def main() -> None:
    """Build, search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--probes", type=int, default=IndexParameters().probes)
    parser.add_argument("--reranked", type=int, default=IndexParameters().reranked)
    parser.add_argument("--isotropic", action="store_true")
    given = parser.parse_args()
    vectors = draw(given.vectors, given.dimensions, given.isotropic, seed=1)
    queries = draw(given.queries, given.dimensions, given.isotropic, seed=2).astype(np.float32)
    parameters = IndexParameters(kind="ivf_pq", probes=given.probes, reranked=given.reranked)
    started = time.perf_counter()
    built = build_vector_index(vectors, parameters)
    print(f"{given.vectors:,} vectors of {given.dimensions} dimensions", flush=True)
    print(f"built in {time.perf_counter() - started:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        built.write(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        del built
        before = psutil.Process().memory_info().rss
        index = read_vector_index(Path(folder), parameters)
        index.nearest(queries[:50], COUNT)
        found, times = [], []
        for query in queries:
            begun = time.perf_counter()
            found.append(index.nearest(query[None], COUNT)[0][0])
            times.append(1000 * (time.perf_counter() - begun))
        memory = psutil.Process().memory_info().rss - before
    true, exact_times = exact(queries[: given.queries // 5], vectors)
    recall = np.mean([len(set(a) & set(b)) / COUNT for a, b in zip(found, true, strict=False)])
    middle, late = np.percentile(times, [50, 95])
    exact_middle, exact_late = np.percentile(exact_times, [50, 95])
    print(f"on disk {size / 1e9:.2f} GB; memory of the index in use {memory / 1e9:.2f} GB")
    print(f"one query: lists p50 {middle:.1f} ms, p95 {late:.1f} ms (aim 20)")
    print(f"           exact p50 {exact_middle:.1f} ms, p95 {exact_late:.1f} ms")
    print(f"           ratio of the medians {exact_middle / middle:.1f}")
    print(f"recall@{COUNT} against exact search {recall:.3f} (aim 0.95)")


if __name__ == "__main__":
    main()
