"""A light head in closed form, for a quick figure of what features say."""

from __future__ import annotations

import numpy as np

from chajong.device import best_device


def discriminant_loss(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, label_counts: np.ndarray
) -> float:
    """Give the out-of-fold log loss of a linear discriminant at its cross-fitted temperature.

    Args:
        features: float32 [photos, width], as the encoder gives them.
        labels: int [photos], from 0.
        folds: int [photos]; -1 is the calibration slice.
        label_counts: bool [photos]; other photos neither train nor score.
    """
    import torch

    from chajong.members.heads.parameters import HeadsParameters
    from chajong.members.heads.search import search_heads
    from chajong.predictions.metric import log_loss

    found, numbers = np.unique(labels, return_inverse=True)
    search = search_heads(
        features=torch.from_numpy(features),
        labels=torch.from_numpy(numbers.astype(np.int64)),
        folds=folds,
        label_counts=label_counts,
        class_count=len(found),
        name_embeddings=torch.empty(len(found), 0),
        parameters=HeadsParameters(kinds=("prototypes",)),
        device=best_device(),
    )
    scored = (folds >= 0) & label_counts
    return log_loss(search.out_of_fold[scored], numbers[scored])
