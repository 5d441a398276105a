"""What every way of scoring candidates can do: a photo and a prompt in, log-probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch

from chajong.predictions.contract import normalise_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor


class CandidateScorer(ABC):
    """Tells how probable each candidate is, never by reading generated text.

    The photos of a call are one batch. The network is used in the mode that it is in: `eval()` for
    scores without dropout.
    """

    @abstractmethod
    def log_likelihoods(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> Tensor:
        """Score one batch; nothing is normalised over the candidates.

        Args:
            photos: RGB uint8 [height, width, 3], of any shape.
            prompts: What is asked about each photo, without the chat template.
            candidates: One list of names a photo, all of one length. A list that photos share
                (`[names] * len(photos)`) is packed once.

        Returns:
            [photos, candidates], natural logarithms.

        Raises:
            VisionLanguageError: The three do not fit together, or a name is twice in a list.
        """

    def score(
        self,
        photos: Sequence[np.ndarray],
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str]],
    ) -> np.ndarray:
        """Score one batch; the candidates' probabilities of a photo sum to 1.

        Args:
            photos: As for `log_likelihoods`.
            prompts: As for `log_likelihoods`.
            candidates: As for `log_likelihoods`.

        Returns:
            float32 [photos, candidates], natural logarithms.

        Raises:
            VisionLanguageError: As for `log_likelihoods`.
        """
        with torch.inference_mode():
            scores = self.log_likelihoods(photos, prompts, candidates)
        return normalise_log(scores.cpu().numpy())
