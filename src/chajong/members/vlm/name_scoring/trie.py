"""Candidates' tokens as a trie, so that what names share at their start is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from chajong.members.vlm.name_scoring.errors import VisionLanguageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = -1
"""The parent of the first tokens: the end of the prompt."""


@dataclass(frozen=True, eq=False)
class Trie:
    """A prefix tree of token sequences.

    A node comes after its parent. The nodes that others follow come first, then the end tokens,
    which no token follows: a model has to read only the former.

    Attributes:
        tokens: int64 [nodes].
        parents: int64 [nodes], or `ROOT`.
        depths: int64 [nodes], 0 for a first token.
        inner: How many nodes others follow.
        paths: For each candidate its nodes, from the first token to the end token.
    """

    tokens: np.ndarray
    parents: np.ndarray
    depths: np.ndarray
    inner: int
    paths: tuple[np.ndarray, ...]

    def ancestors(self) -> np.ndarray:
        """Say which inner nodes an inner node can see: those above it, and itself.

        Returns:
            bool [inner, inner].
        """
        seen = np.eye(self.inner, dtype=bool)
        for node, parent in enumerate(self.parents[: self.inner]):
            if parent != ROOT:
                seen[node] |= seen[parent]
        return seen


def build_trie(sequences: Sequence[Sequence[int]]) -> Trie:
    """Pack token sequences into a trie.

    Args:
        sequences: The candidates' tokens, each ending with the same end token, which occurs
            nowhere else.

    Raises:
        VisionLanguageError: There is no candidate, two are the same, or one does not end with the
            end token or has it before its end.
    """
    _check(sequences)
    inner = sorted({tuple(sequence[:cut]) for sequence in sequences for cut in _cuts(sequence)})
    ends = sorted({tuple(sequence) for sequence in sequences})
    # In sorted order a beginning comes before what it is the beginning of.
    number = {prefix: node for node, prefix in enumerate([*inner, *ends])}
    return Trie(
        tokens=np.array([prefix[-1] for prefix in number], dtype=np.int64),
        parents=np.array([number.get(prefix[:-1], ROOT) for prefix in number], dtype=np.int64),
        depths=np.array([len(prefix) - 1 for prefix in number], dtype=np.int64),
        inner=len(inner),
        paths=tuple(
            np.array([number[tuple(sequence[: cut + 1])] for cut in range(len(sequence))])
            for sequence in sequences
        ),
    )


def split_candidates(
    rows: Sequence[Sequence[Sequence[int]]], nodes: int
) -> list[tuple[list[int], ...]]:
    """Cut candidates into as few equal parts as keep every trie small.

    Neighbours in the order of their tokens share most and stay together.

    Args:
        rows: For each photo its candidates' tokens, the same number for all.
        nodes: Most inner nodes that a part's trie may have, unless one candidate alone has more.

    Returns:
        For each part, for each photo, the positions of its candidates.
    """
    orders = [sorted(range(len(row)), key=lambda place: tuple(row[place])) for row in rows]
    count = len(rows[0])
    for parts in range(1, count + 1):
        bounds = np.linspace(0, count, parts + 1).round().astype(int).tolist()
        split = [tuple(order[start:end] for order in orders) for start, end in pairwise(bounds)]
        if all(
            _inner_nodes([row[place] for place in places]) <= nodes
            for part in split
            for row, places in zip(rows, part, strict=True)
        ):
            break
    return split


def _inner_nodes(sequences: Sequence[Sequence[int]]) -> int:
    return len({tuple(sequence[:cut]) for sequence in sequences for cut in _cuts(sequence)})


def _cuts(sequence: Sequence[int]) -> range:
    return range(1, len(sequence))


def _check(sequences: Sequence[Sequence[int]]) -> None:
    if not sequences or not all(sequences):
        raise VisionLanguageError("There is nothing to choose from: give at least one name.")
    end = sequences[0][-1]
    places: dict[tuple[int, ...], int] = {}
    for place, sequence in enumerate(sequences):
        if sequence[-1] != end or end in sequence[:-1]:
            raise VisionLanguageError(
                f"Candidate {place} has the tokens {list(sequence)}: it must have the end token "
                f"{end} at its end and nowhere else."
            )
        first = places.setdefault(tuple(sequence), place)
        if first != place:
            raise VisionLanguageError(
                f"Candidates {first} and {place} have the same tokens {list(sequence)}: give each "
                "name once."
            )
