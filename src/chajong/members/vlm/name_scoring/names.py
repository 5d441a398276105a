"""Every candidate's name scored by the network itself, in one pass or in one pass per name.

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


class OnePassPerName(CandidateScorer):
    """Reads photo, prompt and name anew for every name: the definition, and slow.

    It uses neither cache, padding, mask nor positions of our own, so it tells whether another
    network's cache and masks are the usual ones. It costs one pass over the prompt for each photo
    and name.
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        """Keep the model."""
        self.model = model

    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch, as `CandidateScorer.log_likelihoods` says."""
        spelled = spell_candidates(candidates, self.model.name_tokens, len(photos))
        rows = []
        for photo, prompt, row in zip(photos, prompts, spelled.chosen, strict=True):
            inputs = self.model.prepare([photo], [prompt]).inputs
            rows.append(torch.stack([self._of_name(inputs, name) for name in spelled.lists[row]]))
        return torch.stack(rows)

    def _of_name(self, inputs: dict[str, Tensor], name: tuple[int, ...]) -> Tensor:
        tokens = torch.tensor([name], device=inputs["input_ids"].device)
        longer = {
            **inputs,
            "input_ids": torch.cat([inputs["input_ids"], tokens], dim=1),
            "attention_mask": torch.cat([inputs["attention_mask"], torch.ones_like(tokens)], dim=1),
        }
        if "mm_token_type_ids" in inputs:
            kinds = inputs["mm_token_type_ids"]
            longer["mm_token_type_ids"] = torch.cat([kinds, torch.zeros_like(tokens)], dim=1)
        output = self.model.network.base_model(**longer, use_cache=False)
        logits = self.model.logits(output.last_hidden_state[:, -len(name) - 1 : -1])
        of_tokens: Tensor = logits.log_softmax(dim=2).gather(2, tokens[:, :, None])
        return of_tokens.sum()


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
