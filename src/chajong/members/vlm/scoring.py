"""Many photos asked about, with a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from chajong.photos.decode import decode_photo
from chajong.photos.loading import load_ahead
from chajong.photos.resizing import resize_photo

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
    from tqdm import tqdm

    height, width = model.image_size
    batch_size = model.settings.batch_size

    def load(content: str) -> np.ndarray:
        decoded = decode_photo(store.jpeg(content), shortest_side=max(height, width))
        return np.array(resize_photo(decoded, height, width))  # writable, as torch wants it

    parts, first = [], 0
    with tqdm(total=len(contents), desc=title, unit=" photos", smoothing=0.05) as progress:
        for photos in load_ahead(contents, load, batch_size):
            parts.append(score_batch(model, photos, questions[first : first + len(photos)]))
            first += len(photos)
            progress.update(len(photos))
    return np.concatenate(parts)


def score_batch(
    model: VlmClassifier, photos: Sequence[np.ndarray], questions: Sequence[Question]
) -> np.ndarray:
    """Ask about one batch of photos, RGB uint8 [height, width, 3]; see `score_photos`."""
    prompts = [question.prompt for question in questions]
    return model.scorer.score(photos, prompts, model.candidate_names(questions))


def score_views(
    model: VlmClassifier, views: torch.Tensor, questions: Sequence[Question]
) -> np.ndarray:
    """Ask about prepared photos, uint8 [photos, 1, 3, height, width]; see `score_photos`."""
    photos = list(views[:, 0].permute(0, 2, 3, 1).contiguous().numpy())
    return score_batch(model, photos, questions)
