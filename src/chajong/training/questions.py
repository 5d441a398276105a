"""What a model that reads is asked about a photo, besides seeing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np


class PhotoQuestions(Protocol):
    """Words a question about a training photo; processes can send it to one another."""

    def length(self, photo_id: str) -> int:
        """Say about how many tokens the question has: photos of one batch have similar lengths."""

    def __call__(self, photo_id: str, label: int, generator: np.random.Generator) -> Any:
        """Word a question.

        Args:
            photo_id: The photo.
            label: Its effective class index.
            generator: The only source of chance, so that the same place in a training gives the
                same question.

        Returns:
            What the model's `forward` finds for this photo in its list `questions`.
        """
