"""Cosine search among many vectors: exact, or approximate where there are very many.

Large collections use an inverted file whose vectors are kept by product quantisation (Jégou, Douze
and Schmid, Product quantization for nearest neighbor search, 2011), as faiss builds it (Douze et
al., The Faiss library, 2024). The candidates that it finds are ranked anew by their true cosines.
The lists nearest to a query are found exactly: a graph over the lists (HNSW) lost one neighbour in
fifteen and saved no time among a few thousand lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from chajong.parameters import Strict

if TYPE_CHECKING:
    from pathlib import Path

NONE_FOUND = -1
"""The position in place of a match where there are fewer than asked for."""

BRUTE_FORCE_UP_TO = 20_000
"""Of so few allowed vectors every one is compared."""

DIMENSIONS_A_CODE = 4
"""Dimensions that product quantisation keeps in one byte."""

VECTORS_AT_ONCE = 65_536

VECTORS_FILE, LISTS_FILE = "vectors.npy", "lists.faiss"


class IndexParameters(Strict):
    """How vectors are searched.

    Attributes:
        kind: ``exact`` compares with every vector; ``ivf_pq`` looks into the nearest lists of an
            inverted file; ``auto`` is exact up to ``exact_up_to`` vectors.
        exact_up_to: Vectors up to which ``auto`` is exact.
        lists: Lists of the inverted file; four times the root of the number of vectors where it is
            not given.
        probes: Lists that a search looks into.
        reranked: Candidates that are ranked anew by their true cosines.
        seed: Of the sample that the lists are learned from.
    """

    kind: Literal["auto", "exact", "ivf_pq"] = "auto"
    exact_up_to: int = Field(200_000, ge=0)
    lists: int | None = Field(None, ge=1)
    probes: int = Field(128, ge=1)
    reranked: int = Field(500, ge=1)
    seed: int = Field(0, ge=0)


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Vectors of length 1, and lists to find them by. Several threads may search at once.

    Attributes:
        vectors: [vectors, dimensions], float32 where the search is exact, else float16.
        lists: The inverted file of faiss, None where the search is exact.
        probes: Lists that a search looks into.
        reranked: Candidates that are ranked anew.
    """

    vectors: np.ndarray
    lists: Any | None
    probes: int
    reranked: int

    def nearest(
        self, queries: np.ndarray, count: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the vectors with the largest cosines.

        Args:
            queries: float32 [queries, dimensions], of any length.
            count: Matches wanted.
            allowed: bool [vectors], which ones may match; all where it is not given.

        Returns:
            Positions int64 [queries, count] and cosines float32 [queries, count], the largest
            first; `NONE_FOUND` and minus infinity where there are fewer.
        """
        unit = unit_vectors(queries)
        few = allowed is not None and allowed.sum() <= BRUTE_FORCE_UP_TO
        if self.lists is None or few:
            chosen = None if allowed is None else np.flatnonzero(allowed)
            return _exact(unit, self.vectors, chosen, count)
        return self._ranked(unit, self._candidates(unit, count, allowed), count)

    def _candidates(self, unit: np.ndarray, count: int, allowed: np.ndarray | None) -> np.ndarray:
        import faiss

        library: Any = faiss  # its annotations know nothing of these keywords
        wanted: dict[str, Any] = {"nprobe": self.probes}
        if allowed is not None:
            # faiss reads this array while it searches.
            bits = np.packbits(allowed, bitorder="little")
            wanted["sel"] = library.IDSelectorBitmap(bits)
        parameters = library.SearchParametersIVF(**wanted)
        assert self.lists is not None
        _, found = self.lists.search(unit, max(self.reranked, count), params=parameters)
        candidates: np.ndarray = found
        return candidates

    def _ranked(
        self, unit: np.ndarray, candidates: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        positions = np.full((len(unit), count), NONE_FOUND, np.int64)
        cosines = np.full((len(unit), count), -np.inf, np.float32)
        for row, found in enumerate(candidates):
            own = np.sort(found[found >= 0])
            true = self.vectors[own].astype(np.float32) @ unit[row]
            best = np.argsort(-true, kind="stable")[:count]
            positions[row, : len(best)], cosines[row, : len(best)] = own[best], true[best]
        return positions, cosines

    def write(self, folder: Path) -> None:
        """Write the vectors and the lists into a folder that exists."""
        import faiss

        np.save(folder / VECTORS_FILE, self.vectors)
        if self.lists is not None:
            faiss.write_index(self.lists, str(folder / LISTS_FILE))


def read_vector_index(folder: Path, parameters: IndexParameters) -> VectorIndex:
    """Read what `VectorIndex.write` wrote; vectors are mapped and not read.

    Args:
        folder: The folder.
        parameters: Those that the index was built with.

    Raises:
        OSError: A file is missing or damaged.
    """
    import faiss

    file = folder / LISTS_FILE
    lists = faiss.read_index(str(file)) if file.exists() else None
    vectors = np.load(folder / VECTORS_FILE, mmap_mode="r")
    return VectorIndex(vectors, lists, parameters.probes, parameters.reranked)


def build_vector_index(vectors: np.ndarray, parameters: IndexParameters) -> VectorIndex:
    """Index vectors by their directions.

    Args:
        vectors: [vectors, dimensions] of any float type and length; zero vectors match nothing
            better than at a cosine of 0.
        parameters: How they are searched.
    """
    large = len(vectors) > parameters.exact_up_to
    if parameters.kind == "exact" or (parameters.kind == "auto" and not large):
        unit = np.concatenate(
            [unit_vectors(part) for part in _parts(vectors)]
            or [np.empty(vectors.shape, np.float32)]
        )
        return VectorIndex(unit, None, parameters.probes, parameters.reranked)
    lists = _inverted_file(vectors, parameters)
    halves = np.empty(vectors.shape, np.float16)
    for place, part in enumerate(_parts(vectors)):
        unit = unit_vectors(part)
        halves[place * VECTORS_AT_ONCE :][: len(unit)] = unit
        lists.add(unit)
    return VectorIndex(halves, lists, parameters.probes, parameters.reranked)


def _inverted_file(vectors: np.ndarray, parameters: IndexParameters) -> Any:
    """Train the lists and codes on a sample; faiss itself always begins alike."""
    import faiss

    count, dimensions = vectors.shape
    lists = min(parameters.lists or round(4 * np.sqrt(count)), count)
    codes = max(1, dimensions // DIMENSIONS_A_CODE)
    while dimensions % codes:
        codes -= 1
    # Among vectors of length 1 the nearest have the largest cosine.
    index = faiss.index_factory(dimensions, f"IVF{lists},PQ{codes}")
    # As many a list as faiss asks for at least.
    size = min(count, max(39 * lists, 50_000))
    generator = np.random.default_rng(parameters.seed)
    sample = np.sort(generator.choice(count, size, replace=False))
    index.train(unit_vectors(vectors[sample]))
    return index


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Divide rows by their length; rows of zeros stay; float32."""
    wide = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: np.ndarray = wide / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _parts(vectors: np.ndarray) -> list[np.ndarray]:
    starts = range(0, len(vectors), VECTORS_AT_ONCE)
    return [vectors[start : start + VECTORS_AT_ONCE] for start in starts]


def _exact(
    unit: np.ndarray, vectors: np.ndarray, chosen: np.ndarray | None, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compare with every vector chosen; of equal cosines the first position comes first."""
    import faiss

    among = np.asarray(vectors if chosen is None else vectors[chosen], np.float32)
    available = min(count, len(among))
    positions = np.full((len(unit), count), NONE_FOUND, np.int64)
    cosines = np.full((len(unit), count), -np.inf, np.float32)
    if available:
        found, places = faiss.knn(unit, among, available, faiss.METRIC_INNER_PRODUCT)
        positions[:, :available] = places if chosen is None else chosen[places]
        cosines[:, :available] = found
    return positions, cosines
