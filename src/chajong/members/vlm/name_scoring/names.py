"""Every candidate's name scored by the network itself, in one pass.

The log-likelihood of a name is that of its tokens and of the token that ends the answer. It is not
divided by the number of tokens.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch

from chajong.members.vlm.name_scoring.candidates import pack_tries, spell_candidates
from chajong.members.vlm.name_scoring.scoring import CandidateScorer
from chajong.members.vlm.name_scoring.trie import build_trie, split_candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from chajong.members.vlm.name_scoring.candidates import PackedTries, Tokens
    from chajong.members.vlm.name_scoring.model import Prefix, VisionLanguageModel

Places = tuple[list[int], ...]
"""For each list of candidates, which of them."""

NODES_AT_ONCE = 512
"""Tokens of names read in one pass: 152,000 logits each, 0.3 GB a photo in float32."""


class NamesInOnePass(CandidateScorer):
    """Reads the prompt once and all names behind it at once.

    The names' tokens are a trie behind the prompt's cached keys and values. A tree mask lets each
    token see the prompt and its own beginning, and its position is its depth, so that every name's
    log-likelihood is that of a pass of its own. Source: the tree attention of SpecInfer (Miao et
    al., ASPLOS 2024, section 4.2).
    """

    def __init__(self, model: VisionLanguageModel, nodes: int = NODES_AT_ONCE) -> None:
        """Keep the model.

        Args:
            model: The model.
            nodes: Most tokens of names that are read at once; more names take several passes over
                the same cache.
        """
        self.model = model
        # Photo after photo is usually asked about the same names. What is cached knows no scorer:
        # one that held itself would keep its network in memory when the next one is loaded.
        self._parts = lru_cache(maxsize=1)(partial(_pack, nodes=nodes))

    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch, as `CandidateScorer.log_likelihoods` says."""
        return self.after(self.model.read(self.model.prepare(photos, prompts)), candidates)

    def after(self, prefix: Prefix, candidates: Sequence[Sequence[str]]) -> Tensor:
        """Score names behind prompts that have been read, any number of times.

        Args:
            prefix: From `VisionLanguageModel.read`.
            candidates: One list of names a photo, all of one length.

        Returns:
            [photos, candidates], natural logarithms.

        Raises:
            VisionLanguageError: The candidates do not fit the photos, or a name is twice in a list.
        """
        model, photos = self.model, len(prefix.states)
        spelled = spell_candidates(candidates, model.name_tokens, photos)
        parts, columns = [], []
        for places, packed in self._parts(spelled.lists):
            tries = packed.of_photos(spelled.chosen, prefix.states.device)
            states = model.read_after(
                prefix.prompts,
                prefix.cache(),
                tries.inner_tokens,
                tries.inner_depths,
                tries.visible,
            )
            logits = model.logits(torch.cat([prefix.states[:, None], states], dim=1))
            parts.append(tries.log_likelihoods(logits))
            columns.append(torch.tensor([places[row] for row in spelled.chosen]))
        order = torch.cat(columns, dim=1).argsort(dim=1).to(prefix.states.device)
        return torch.cat(parts, dim=1).gather(1, order)


def _pack(lists: tuple[tuple[Tokens, ...], ...], nodes: int) -> list[tuple[Places, PackedTries]]:
    return [
        (
            places,
            pack_tries(
                [
                    build_trie([names[place] for place in chosen])
                    for names, chosen in zip(lists, places, strict=True)
                ]
            ),
        )
        for places in split_candidates(lists, nodes)
    ]
