"""A linear head on the last hidden state: one pass a prompt, whatever the number of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from chajong.members.vlm.name_scoring.candidates import check_candidates
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.scoring import CandidateScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from chajong.members.vlm.name_scoring.model import VisionLanguageModel


class ClassHead(torch.nn.Module):
    """Scores classes from hidden states, in float32 at least."""

    def __init__(self, hidden: int, classes: int) -> None:
        """Start with weights of chance.

        Args:
            hidden: Width of a hidden state.
            classes: Number of classes.
        """
        super().__init__()
        self.linear = torch.nn.Linear(hidden, classes)

    def forward(self, states: Tensor) -> Tensor:
        """Turn states [photos, hidden] into logits [photos, classes], whatever autocast asks."""
        with torch.autocast(states.device.type, enabled=False):
            logits: Tensor = self.linear(states.to(self.linear.weight.dtype))
        return logits


class ClassHeadScorer(CandidateScorer):
    """Reads a trained head's log-probabilities for the candidates."""

    def __init__(
        self, model: VisionLanguageModel, head: ClassHead, class_names: Sequence[str]
    ) -> None:
        """Join a model and its head.

        Args:
            model: The model.
            head: The head, trained with this model, on its device.
            class_names: The classes in the order of the head's logits.

        Raises:
            VisionLanguageError: The head has another number of classes.
        """
        if head.linear.out_features != len(class_names):
            message = (
                f"The head has {head.linear.out_features} classes, not {len(class_names)}: give "
                "those that it was trained with."
            )
            raise VisionLanguageError(message)
        self.model = model
        self.head = head
        self._columns = {name: column for column, name in enumerate(class_names)}

    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch, as `CandidateScorer.log_likelihoods` says.

        Raises:
            VisionLanguageError: A candidate is none of the head's classes, besides what
                `CandidateScorer.log_likelihoods` raises.
        """
        check_candidates(candidates, len(photos))
        columns = [[self._column(name) for name in names] for names in candidates]
        states = self.model.last_states(self.model.prepare(photos, prompts))
        of_classes: Tensor = self.head(states).log_softmax(dim=1)
        return of_classes.gather(1, torch.tensor(columns, device=of_classes.device))

    def _column(self, name: str) -> int:
        if name not in self._columns:
            message = (
                f"{name!r} is none of the head's {len(self._columns)} classes: score it by its "
                "name, or train a head that has it."
            )
            raise VisionLanguageError(message)
        return self._columns[name]
