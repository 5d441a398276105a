"""A few directions along which features vary most, learnt without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Directions:
    """A map from features to a few inputs of mean 0 and variance 1.

    Attributes:
        centre: float32 [width].
        projection: float32 [width, directions].
    """

    centre: np.ndarray
    projection: np.ndarray

    def inputs(self, features: np.ndarray) -> np.ndarray:
        """Project features.

        Args:
            features: float32 [photos, width].

        Returns:
            float64 [photos, directions].
        """
        seen: np.ndarray = (features - self.centre) @ self.projection
        return seen.astype(np.float64)


def fit_directions(features: np.ndarray, count: int) -> Directions:
    """Find the principal directions of standardised features.

    Args:
        features: float32 [photos, width], of at least two photos.
        count: Directions at most; there are never more than photos less one, nor than columns.

    Returns:
        The directions, the same for the same features.
    """
    from sklearn.decomposition import PCA

    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1.0
    count = min(count, len(features) - 1, features.shape[1])
    # The seed only starts an iterative solver; fixed, the same features give the same directions.
    found = PCA(count, svd_solver="randomized", random_state=0).fit((features - centre) / spread)
    # A direction along which nothing varies would be blown up to noise.
    lengths = np.sqrt(found.explained_variance_)
    varied = lengths > lengths.max() * np.sqrt(np.finfo(np.float32).eps)
    directions = found.components_[varied].T / lengths[varied] / spread[:, None]
    return Directions(centre, directions.astype(np.float32))
