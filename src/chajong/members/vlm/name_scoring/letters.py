"""Candidates as lettered options: one pass a prompt, and the letters' logits."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.members.vlm.name_scoring.candidates import check_candidates
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.scoring import CandidateScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.vlm.name_scoring.model import VisionLanguageModel


class Letters(CandidateScorer):
    """Lists the candidates behind the prompt, in several orders, and compares the letters.

    Models prefer some letters whatever they stand for, which the mean of the log-probabilities
    over orders lessens. Source: Zheng et al., Large Language Models Are Not Robust Multiple Choice
    Selectors (ICLR 2024).
    """

    def __init__(self, model: VisionLanguageModel, orders: int = 3, seed: int = 0) -> None:
        """Keep the model.

        Args:
            model: The model.
            orders: In how many orders the options are listed; each costs a pass.
            seed: Seed of the orders, which are the same for every photo. Fine-tuned models hand
                theirs on; as no order is better than another, it need not be given elsewhere.

        Raises:
            VisionLanguageError: A letter is not one token of the model.
        """
        self.model = model
        self.orders = orders
        self.seed = seed
        self.tokens = letter_tokens(model)

    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch, as `CandidateScorer.log_likelihoods` says.

        Returns:
            [photos, candidates], the mean over orders of the letters' log-probabilities.

        Raises:
            VisionLanguageError: There are more candidates than letters, besides what
                `CandidateScorer.log_likelihoods` raises.
        """
        check_candidates(candidates, len(photos))
        count = len(candidates[0])
        _check_count(count)
        generator = np.random.default_rng(self.seed)
        scores = []
        for _ in range(self.orders):
            order = generator.permutation(count)
            asked = [
                with_options(prompt, [names[place] for place in order])
                for prompt, names in zip(prompts, candidates, strict=True)
            ]
            states = self.model.last_states(self.model.prepare(photos, asked))
            of_options = self.model.logits(states)[:, self.tokens[:count]].log_softmax(dim=1)
            scores.append(of_options[:, torch.from_numpy(order.argsort())])
        return torch.stack(scores).mean(dim=0)


def with_options(prompt: str, names: Sequence[str]) -> str:
    """Write names under a prompt, each with its letter.

    Raises:
        VisionLanguageError: There are more names than letters.
    """
    _check_count(len(names))
    options = (f"{letter}. {name}" for letter, name in zip(ascii_uppercase, names, strict=False))
    return "\n".join([prompt, *options])


def letter_tokens(model: VisionLanguageModel) -> list[int]:
    """Look up the tokens of A to Z as the beginning of an answer.

    Raises:
        VisionLanguageError: A letter is not one token of the model.
    """
    tokens = []
    for letter in ascii_uppercase:
        spelled = model.name_tokens(letter)[:-1]
        if len(spelled) != 1:
            message = (
                f"The letter {letter!r} is {len(spelled)} tokens of this model: score names "
                "instead of letters."
            )
            raise VisionLanguageError(message)
        tokens.append(spelled[0])
    return tokens


def _check_count(count: int) -> None:
    if count > len(ascii_uppercase):
        message = (
            f"{count} candidates are more than the {len(ascii_uppercase)} letters: give fewer, or "
            "score names instead of letters."
        )
        raise VisionLanguageError(message)
