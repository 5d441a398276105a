"""What is searched for, as a vector among the known photos' vectors."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.building import build_encoder, saved_encoder
from chajong.encoders.parameters import PretrainedParameters
from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.preparation import StoreSettings, prepare_photo
from chajong.search.filters import SearchError
from chajong.search.vector_index import unit_vectors

if TYPE_CHECKING:
    from chajong.search.photo_index import PhotoIndex
    from chajong.search.words import WordEncoder

COMPARED_PHOTOS = 2_000
"""Known photos whose cosines say how widely those of a query spread."""

NONSENSE = ("asdfgh", "qzxv", "ㅁㄴㅇㄹ", "lorem ipsum")


class QueryEncoder:
    """Encodes queries as the photos of an index were encoded. Threads take turns."""

    def __init__(self, index: PhotoIndex) -> None:
        """Build the encoder; the text tower is built when words come.

        Args:
            index: Where queries look.

        Raises:
            EncoderError: The encoder cannot be built, or its weights are no longer the same.
        """
        self._parameters = saved_encoder(index.encoder)
        self._settings = StoreSettings(**index.store_settings)
        self._encoder = build_encoder(self._parameters)
        self._words: WordEncoder | None = None
        self._lock = Lock()
        known = index.vectors.vectors
        rows = np.linspace(0, len(known) - 1, min(COMPARED_PHOTOS, len(known))).astype(int)
        self._compared = np.asarray(known[rows], np.float32)

    @property
    def reads_words(self) -> bool:
        """Whether the encoder's model has a text tower."""
        return (
            isinstance(self._parameters, PretrainedParameters)
            and self._parameters.library == "open_clip"
        )

    def of_photo(self, data: bytes) -> np.ndarray:
        """Encode a photo.

        Args:
            data: The file's bytes.

        Returns:
            float32 [width].

        Raises:
            UnreadablePhotoError: The file is not a photo that can be read.
        """
        import torch

        prepared = prepare_photo(data, self._settings)
        if prepared.jpeg is None:
            raise UnreadablePhotoError(prepared.reason)
        pictures = self._encoder.preparation.pictures(prepared.jpeg)
        with self._lock:
            encoded: np.ndarray = self._encoder.encode(torch.from_numpy(pictures[None]))[0]
        return encoded

    def of_words(self, words: str) -> np.ndarray:
        """Encode words, Korean or English.

        Args:
            words: What a car is called, or how it looks.

        Returns:
            float32 [width].

        Raises:
            SearchError: There are no words, or too many, or the encoder reads none.
        """
        from chajong.search.words import WordEncoder

        if not (self.reads_words and isinstance(self._parameters, PretrainedParameters)):
            message = (
                f"{self._parameters.title} reads no words: index the features of an open_clip "
                "model (`search.encoder`) to search by words."
            )
            raise SearchError(message)
        with self._lock:
            if self._words is None:
                self._words = WordEncoder(self._parameters)
            return self._words(words)

    def fits(self, words: np.ndarray) -> bool:
        """Tell whether words are nearer to a known photo than strokes of the keyboard are.

        Args:
            words: From `of_words`.
        """
        return self._nearest(words) > self._nearest_nonsense

    def _nearest(self, query: np.ndarray) -> float:
        return float((self._compared @ unit_vectors(query[None])[0]).max())

    @cached_property
    def _nearest_nonsense(self) -> float:
        nearest = []
        for each in NONSENSE:
            with suppress(SearchError):  # a model that reads no Hangul
                nearest.append(self._nearest(self.of_words(each)))
        return max(nearest)

    def mixed(self, photo: np.ndarray, words: np.ndarray, photo_share: float) -> np.ndarray:
        """Join a photo and words into one query.

        CLIP's photos lie nearer to one another than to any words (Liang et al., Mind the Gap,
        NeurIPS 2022), and their cosines spread more widely. Each query is therefore divided by how
        widely its cosines to known photos spread; the mixed query ranks photos by the weighted sum.

        Args:
            photo: From `of_photo`.
            words: From `of_words`.
            photo_share: Weight of the photo, from 0 to 1.

        Returns:
            float32 [width].
        """
        parts = [self._evened(photo), self._evened(words)]
        mixed: np.ndarray = photo_share * parts[0] + (1 - photo_share) * parts[1]
        return mixed

    def _evened(self, query: np.ndarray) -> np.ndarray:
        unit = unit_vectors(query[None])[0]
        spread = float((self._compared @ unit).std())
        evened: np.ndarray = unit / max(spread, 1e-6)
        return evened
