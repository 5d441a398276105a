"""A baseline without weights: histograms of oriented gradients and of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    import torch

    from chajong.encoders.parameters import HogParameters


class HogEncoder:
    """Gradient histograms of the whole photo, with colour histograms beside them.

    Source: Dalal and Triggs, Histograms of Oriented Gradients for Human Detection (CVPR 2005), as
    implemented by scikit-image. The mirror image is encoded too and the two are averaged, so that
    a car driving left looks like the same car driving right.
    """

    batch_size = 64

    def __init__(self, parameters: HogParameters) -> None:
        """Keep the settings; there is nothing to load."""
        self._parameters = parameters
        self.preparation = Preparation(parameters.height, parameters.width)

    def encode(self, photos: torch.Tensor) -> np.ndarray:
        """Encode a batch.

        Args:
            photos: uint8 of shape [photos, 1, 3, height, width].

        Returns:
            float32 of shape [photos, features].
        """
        pictures = photos[:, 0].permute(0, 2, 3, 1).numpy()
        return np.stack([self._encode_photo(picture) for picture in pictures])

    def _encode_photo(self, picture: np.ndarray) -> np.ndarray:
        gradients = (self._gradients(picture) + self._gradients(picture[:, ::-1])) / 2
        joined: np.ndarray = np.concatenate([gradients, self._colours(picture)])
        return joined.astype(np.float32)

    def _gradients(self, picture: np.ndarray) -> np.ndarray:
        from skimage.feature import hog

        cell = (self._parameters.cell, self._parameters.cell)
        histogram: np.ndarray = hog(
            picture,
            orientations=self._parameters.orientations,
            pixels_per_cell=cell,
            cells_per_block=(2, 2),
            block_norm="L2-Hys",
            channel_axis=-1,
        )
        scaled: np.ndarray = histogram / np.sqrt(histogram.size)
        return scaled

    def _colours(self, picture: np.ndarray) -> np.ndarray:
        bins = self._parameters.colour_bins
        counts = [
            np.histogram(picture[..., channel], bins=bins, range=(0, 256))[0]
            for channel in range(3)
        ]
        return np.concatenate(counts) / picture[..., 0].size
