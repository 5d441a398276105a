"""Words as vectors among photos, by the text tower of a CLIP model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.encoders.encoder import EncoderError
from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts
from chajong.search.filters import SearchError

if TYPE_CHECKING:
    from chajong.encoders.parameters import PretrainedParameters

MOST_CHARACTERS = 200


def sentences_about(words: str) -> list[str]:
    """Word sentences as for a class's name, in both languages.

    A name that the lexicon knows is rendered in English too, so that a text tower that reads one
    language alone understands either.

    Args:
        words: What a car is called, or how it looks.

    Raises:
        SearchError: There are no words, or too many.
    """
    text = " ".join(words.split())
    if not text:
        raise SearchError("There are no words to search for: name a model or say how it looks.")
    if len(text) > MOST_CHARACTERS:
        message = f"{len(text)} characters are too many to search for: {MOST_CHARACTERS} at most."
        raise SearchError(message)
    parsed = parse_name(text)
    return list(dict.fromkeys([*korean_prompts(parsed), *english_prompts(parsed)]))


class WordEncoder:
    """Encodes words beside the features of the same model's photo tower."""

    def __init__(self, parameters: PretrainedParameters) -> None:
        """Build the text tower.

        Args:
            parameters: The photo encoder's.

        Raises:
            EncoderError: The model, its weights or its tokenizer cannot be loaded.
        """
        from chajong.device import best_device
        from chajong.members.clip.parameters import ClipParameters
        from chajong.members.clip.towers import load_towers

        towers = load_towers(
            ClipParameters(
                library="open_clip",
                model=parameters.model,
                weights=parameters.weights,
                revision=parameters.revision,
                image_size=parameters.image_size,
                seed=parameters.seed,
            )
        )
        self._device = best_device()
        self._towers = towers.eval().requires_grad_(requires_grad=False).to(self._device)
        self._zooms = len(parameters.zoom)

    def __call__(self, words: str) -> np.ndarray:
        """Encode words.

        The features of a photo are those of its zooms side by side, so that the mean sentence is
        repeated for each: a cosine is then that to the mean over zooms, as far as these have one
        length.

        Args:
            words: Korean or English.

        Returns:
            float32 [zooms * dimensions].

        Raises:
            SearchError: There are no words, or too many, or none that the model reads.
        """
        import torch
        from torch.nn.functional import normalize

        reader = self._towers.reader()
        sentences = [each for each in sentences_about(words) if reader.reads(each)]
        if not sentences:
            message = "The model reads none of these words: say it in another language."
            raise SearchError(message)
        try:
            tokens = self._towers.tokenize(sentences)
        except EncoderError as error:
            message = "These words are too long for the model that reads them: use fewer."
            raise SearchError(message) from error
        with torch.inference_mode():
            embedded = normalize(self._towers.encode_texts(tokens.to(self._device)).float(), dim=1)
        mean: np.ndarray = embedded.mean(0).cpu().numpy()
        return np.tile(mean, self._zooms)
