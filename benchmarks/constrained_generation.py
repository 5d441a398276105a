"""Answers in words, out of the candidates only, so that no free text has to be parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.members.vlm.name_scoring.candidates import spell_candidates
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.trie import ROOT, Trie, build_trie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.vlm.name_scoring.model import VisionLanguageModel

NONE = -1
"""Fills up the nodes of photos that have fewer of them than others."""


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        name: One of the candidates.
        log_likelihood: Its log-likelihood among all texts, its end included.
    """

    name: str
    log_likelihood: float


class ConstrainedGeneration:
    """Writes an answer token by token, through the trie of the candidates.

    One beam is greedy decoding; as many beams as candidates find the most probable one. It takes
    one pass for every token of the longest answer and gives no probabilities of the others, so
    `NamesInOnePass` is the better classifier. Source: De Cao et al., Autoregressive Entity
    Retrieval (ICLR 2021), section 3.2.
    """

    def __init__(self, model: VisionLanguageModel, beams: int = 1) -> None:
        """Keep the model.

        Args:
            model: The model.
            beams: How many beginnings are followed at once.

        Raises:
            VisionLanguageError: There is no beam.
        """
        if beams < 1:
            raise VisionLanguageError(f"{beams} beams write no answer: give at least 1.")
        self.model = model
        self.beams = beams

    def answer(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> list[Answer]:
        """Answer one batch.

        Args:
            photos: RGB uint8 [height, width, 3], of any shape.
            prompts: What is asked about each photo, without the chat template.
            candidates: One list of names a photo, all of one length.

        Returns:
            One answer a photo.

        Raises:
            VisionLanguageError: The three do not fit together, or a name is twice in a list.
        """
        spelled = spell_candidates(candidates, self.model.name_tokens, len(photos))
        tries = [build_trie(tokens) for tokens in spelled.lists]
        searches = [_Search(tries[row]) for row in spelled.chosen]
        with torch.inference_mode():
            self._search(photos, prompts, searches)
        return [
            Answer(names[search.chosen], search.best)
            for names, search in zip(candidates, searches, strict=True)
        ]

    def _search(
        self, photos: Sequence[np.ndarray], prompts: Sequence[str], searches: list[_Search]
    ) -> None:
        model = self.model
        prefix = model.read(model.prepare(photos, prompts))
        cache, states = prefix.cache(), prefix.states[:, None]
        while True:
            scores = model.logits(states).log_softmax(dim=2)
            for search, of_photo in zip(searches, scores, strict=True):
                search.advance(of_photo, self.beams)
            width = max(len(search.frontier) for search in searches)
            if width == 0:
                return
            steps = [search.step(width) for search in searches]
            tokens, depths, visible = (
                torch.from_numpy(np.stack(part)).to(states.device)
                for part in zip(*steps, strict=True)
            )
            states = model.read_after(prefix.prompts, cache, tokens, depths, visible)


@dataclass
class _Search:
    """Beam search in one photo's trie.

    Attributes:
        trie: The photo's candidates.
        frontier: The beginnings that are followed, with their log-likelihoods.
        best: Log-likelihood of the best answer that has ended.
        end: Its last node.
        read: The nodes whose keys are cached.
    """

    trie: Trie
    frontier: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, ROOT)])
    best: float = -np.inf
    end: int = NONE
    read: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._children = children_of(self.trie)
        self._ancestors = self.trie.ancestors()

    @property
    def chosen(self) -> int:
        """Which candidate the best answer is."""
        return next(c for c, path in enumerate(self.trie.paths) if path[-1] == self.end)

    def advance(self, scores: Tensor, beams: int) -> None:
        """Follow the most probable continuations.

        Args:
            scores: [frontier or more, vocabulary], log-probabilities after each beginning.
            beams: How many to keep.
        """
        longer = []
        for (score, node), of_tokens in zip(self.frontier, scores, strict=False):
            nodes = self._children[node]
            added = of_tokens[torch.from_numpy(self.trie.tokens[nodes])].tolist()
            longer += [(score + more, child) for more, child in zip(added, nodes, strict=True)]
        self.frontier = []
        for score, node in sorted(longer, reverse=True)[:beams]:
            # A beginning gets no more probable by going on.
            if score <= self.best:
                continue
            if node >= self.trie.inner:
                self.best, self.end = score, node
            else:
                self.frontier.append((score, node))

    def step(self, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Say what the network reads next, and count it as read.

        Args:
            width: Number of tokens to fill up to.

        Returns:
            Tokens [width], depths [width], and which of the tokens read, these included, each sees.
        """
        nodes = [node for _, node in self.frontier]
        rows = np.array(nodes + [NONE] * (width - len(nodes)))
        self.read += rows.tolist()
        columns = np.array(self.read)
        visible = self._ancestors[np.ix_(rows, columns)] & (columns != NONE)
        visible &= (rows != NONE)[:, None]
        visible[np.arange(width), len(columns) - width + np.arange(width)] = True
        return self.trie.tokens[rows], self.trie.depths[rows], visible


def children_of(trie: Trie) -> dict[int, list[int]]:
    """List the nodes that follow a node or `ROOT`, in ascending order."""
    following: dict[int, list[int]] = {node: [] for node in (ROOT, *range(trie.inner))}
    for node, parent in enumerate(trie.parents.tolist()):
        following[parent].append(node)
    return following
