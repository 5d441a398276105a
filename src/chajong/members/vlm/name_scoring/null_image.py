"""What a model says without looking, taken out of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.members.vlm.name_scoring.scoring import CandidateScorer
from chajong.photos.resizing import PADDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Question = tuple[tuple[int, ...], str, tuple[str, ...]]
"""A photo's shape, its prompt and its candidates."""


class WithoutPrior(CandidateScorer):
    """Subtracts the log-likelihoods of a grey photo of the same shape, for zero-shot use.

    A model that was not trained for the question prefers short and frequent names; the grey photo
    tells how much. Source: contextual calibration (Zhao et al., ICML 2021), with a photo without
    content instead of a text without content.
    """

    def __init__(self, scorer: CandidateScorer, strength: float = 1.0) -> None:
        """Keep the scorer.

        Args:
            scorer: What scores both photos.
            strength: Share of the grey photo's log-likelihoods that is subtracted; 0 changes
                nothing.
        """
        self.scorer = scorer
        self.strength = strength

    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch, as `CandidateScorer.log_likelihoods` says; the same question once."""
        scores = self.scorer.log_likelihoods(photos, prompts, candidates)
        questions: list[Question] = [
            (photo.shape, prompt, tuple(names))
            for photo, prompt, names in zip(photos, prompts, candidates, strict=True)
        ]
        numbers: dict[Question, int] = {}
        rows = [numbers.setdefault(question, len(numbers)) for question in questions]
        prior = self.scorer.log_likelihoods(
            [np.full(shape, PADDING, np.uint8) for shape, _, _ in numbers],
            [prompt for _, prompt, _ in numbers],
            [names for _, _, names in numbers],
        )
        return scores - self.strength * prior[torch.tensor(rows, device=prior.device)]
