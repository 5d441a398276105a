"""Many photos asked about, with a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.photos.loading import photo_batches
from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.vlm.classifier import VlmClassifier
    from chajong.members.vlm.questions import Question
    from chajong.photos.store import PhotoStore


def score_photos(
    model: VlmClassifier,
    contents: Sequence[str],
    questions: Sequence[Question],
    store: PhotoStore,
    title: str,
) -> np.ndarray:
    """Ask about photos.

    Args:
        model: The model, in evaluation mode.
        contents: sha-256 of each photo.
        questions: One a photo, all with the same number of candidates; at least one.
        store: The photos.
        title: What the progress bar calls the work.

    Returns:
        float32 [photos, candidates], log-probabilities among each photo's candidates.
    """
    preparation, batch_size = Preparation(*model.image_size), model.settings.prediction_batch_size
    parts, first = [], 0
    for batch in photo_batches(contents, store, preparation, batch_size, title):
        asked = questions[first : first + len(batch)]
        parts.append(score_views(model, torch.from_numpy(batch), asked))
        first += len(batch)
    return np.concatenate(parts)


def score_views(
    model: VlmClassifier, views: torch.Tensor, questions: Sequence[Question]
) -> np.ndarray:
    """Ask about prepared photos, uint8 [photos, 1, 3, height, width]; see `score_photos`."""
    photos = list(views[:, 0].permute(0, 2, 3, 1).contiguous().numpy())
    prompts = [question.prompt for question in questions]
    return model.scorer.score(photos, prompts, model.candidate_names(questions))
