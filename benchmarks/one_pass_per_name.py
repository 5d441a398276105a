"""Names scored by the definition, one pass a name: what the fast way is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from chajong.members.vlm.name_scoring.candidates import spell_candidates
from chajong.members.vlm.name_scoring.scoring import CandidateScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from chajong.members.vlm.name_scoring.model import VisionLanguageModel


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
