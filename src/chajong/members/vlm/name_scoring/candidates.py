"""Candidates of a batch of photos as tensors, and their log-likelihoods from logits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.members.vlm.name_scoring.errors import VisionLanguageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from chajong.members.vlm.name_scoring.trie import Trie

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class CandidateTokens:
    """The tokens of every photo's candidates; a list that several photos share is kept once.

    Attributes:
        lists: The different lists, each with one sequence of tokens a candidate.
        chosen: For each photo, which list.
    """

    lists: tuple[tuple[Tokens, ...], ...]
    chosen: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many candidates each photo has."""
        return len(self.lists[0])


def spell_candidates(
    candidates: Sequence[Sequence[str]], spell: Callable[[str], Tokens], photos: int
) -> CandidateTokens:
    """Turn candidates into tokens.

    Args:
        candidates: One list of names a photo, all of one length.
        spell: Turns a name into tokens, the last of which ends it.
        photos: How many photos there are.

    Raises:
        VisionLanguageError: There is not one list a photo, the lists differ in length, or a name
            is twice in a list.
    """
    check_candidates(candidates, photos)
    numbers: dict[tuple[str, ...], int] = {}
    chosen = tuple(numbers.setdefault(tuple(names), len(numbers)) for names in candidates)
    known = {name: spell(name) for names in numbers for name in names}
    lists = tuple(tuple(known[name] for name in names) for names in numbers)
    return CandidateTokens(lists, chosen)


def check_candidates(candidates: Sequence[Sequence[str]], photos: int) -> None:
    """Check that every photo has its candidates.

    Raises:
        VisionLanguageError: There is not one list a photo, the lists differ in length or are
            empty, or a name is twice in a list.
    """
    if len(candidates) != photos:
        message = f"{photos} photos and {len(candidates)} lists of candidates: give one a photo."
        raise VisionLanguageError(message)
    lengths = sorted({len(names) for names in candidates})
    if len(lengths) != 1 or lengths[0] == 0:
        message = f"The photos have {lengths} candidates: give every photo the same number of names"
        raise VisionLanguageError(message)
    for names in candidates:
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise VisionLanguageError(f"{twice[0]!r} is twice among the candidates: give it once.")


@dataclass(frozen=True, eq=False)
class PackedTries:
    """One trie a row, padded to a common size; a row is a list of candidates or a photo.

    A padding token sees itself only, and nothing is read off it.

    Attributes:
        inner_tokens: int64 [rows, inner], what the network reads.
        inner_depths: int64 [rows, inner].
        visible: bool [rows, inner, inner], which of them each one sees.
        tokens: int64 [rows, nodes], the end tokens included.
        parents: int64 [rows, nodes], the state that each is predicted from: 0 is the prompt's, 1
            the first inner node's.
        paths: int64 [rows, candidates, longest], each candidate's nodes, then the number of
            nodes.
    """

    inner_tokens: Tensor
    inner_depths: Tensor
    visible: Tensor
    tokens: Tensor
    parents: Tensor
    paths: Tensor

    def of_photos(self, rows: Sequence[int], device: torch.device) -> PackedTries:
        """Return the tries of these rows, in their order, on a device."""
        chosen = torch.tensor(rows)
        tensors = {field.name: getattr(self, field.name)[chosen] for field in fields(self)}
        return PackedTries(**{name: tensor.to(device) for name, tensor in tensors.items()})

    def log_likelihoods(self, logits: Tensor) -> Tensor:
        """Add up each candidate's tokens' log-probabilities.

        Args:
            logits: [photos, 1 + inner, vocabulary], after the prompt and after each inner node.

        Returns:
            [photos, candidates], natural logarithms.
        """
        photo = torch.arange(len(logits), device=logits.device)[:, None]
        of_nodes = logits[photo, self.parents, self.tokens]
        of_nodes = of_nodes - logits.logsumexp(dim=2).gather(1, self.parents)
        padded = torch.nn.functional.pad(of_nodes, (0, 1))
        return padded[photo[:, :, None], self.paths].sum(dim=2)


def pack_tries(tries: Sequence[Trie]) -> PackedTries:
    """Put tries of the same number of candidates into tensors, one row each, on the CPU."""
    inner = max(trie.inner for trie in tries)
    nodes = max(len(trie.tokens) for trie in tries)
    longest = max(len(path) for trie in tries for path in trie.paths)
    visible = np.tile(np.eye(inner, dtype=bool), (len(tries), 1, 1))
    paths = np.full((len(tries), len(tries[0].paths), longest), nodes)
    for row, trie in enumerate(tries):
        visible[row, : trie.inner, : trie.inner] = trie.ancestors()
        for candidate, path in enumerate(trie.paths):
            paths[row, candidate, : len(path)] = path
    return PackedTries(
        inner_tokens=_padded([trie.tokens[: trie.inner] for trie in tries], inner),
        inner_depths=_padded([trie.depths[: trie.inner] for trie in tries], inner),
        visible=torch.from_numpy(visible),
        tokens=_padded([trie.tokens for trie in tries], nodes),
        parents=_padded([trie.parents + 1 for trie in tries], nodes),
        paths=torch.from_numpy(paths),
    )


def _padded(rows: Sequence[np.ndarray], width: int) -> Tensor:
    padded = np.zeros((len(rows), width), dtype=np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return torch.from_numpy(padded)
