"""Does a photo show a car from outside? Asked of a model that reads text, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chajong.members.clip.classifier import ClipClassifier

EXTERIOR: tuple[tuple[str, ...], ...] = (
    ("a photo of a car from outside", "a car parked on a street", "the exterior of a car"),
    ("the front of a car", "a close-up of a car's headlights and grille"),
    ("the rear of a car", "a close-up of a car's tail lights and boot"),
    ("the side of a car", "a car seen from the side"),
)
"""What is wanted: sentences of one tuple say the same in other words."""

NO_EXTERIOR: tuple[tuple[str, ...], ...] = (
    ("the interior of a car", "the seats of a car", "a photo taken inside a car"),
    ("a car's dashboard and steering wheel", "a speedometer", "a car's navigation screen"),
    ("a car's engine", "an open engine bay"),
    ("a car key", "a remote key on a table"),
    ("a wheel", "a tyre seen from close up"),
    ("a document", "a page of text", "a screenshot of a table"),
    ("a person", "a portrait of a person"),
    ("an empty street", "a building", "a car park without cars"),
    ("a motorcycle", "a bicycle"),
    ("a logo", "a drawing", "a plain background"),
)
"""What train folders hold besides cars, each as one kind of photo."""


def car_likeness(embedded: np.ndarray, classifier: ClipClassifier) -> np.ndarray:
    """Say how likely each photo shows a car from outside.

    Kinds of photos are scored as CLIP scores classes (Radford et al. 2021, section 3.1.4): by the
    cosine to the mean direction of their sentences, times the model's own scale.

    Args:
        embedded: The photos' embeddings by the same model, float32 [photos, width], of any length.
        classifier: The model, loaded; its own classes are not used.

    Returns:
        float32 [photos], the probability of all exterior kinds together.

    Raises:
        EncoderError: The model reads too few tokens for the sentences.
        ValueError: The embeddings are not those of the model.
    """
    texts = classifier.prompt_embeddings(EXTERIOR + NO_EXTERIOR).detach().cpu().numpy()
    if embedded.shape[1] != texts.shape[1]:
        message = (
            f"The photos' features are {embedded.shape[1]} wide and the texts' {texts.shape[1]}: "
            "use the photo embeddings of the model whose text tower is asked."
        )
        raise ValueError(message)
    return exterior_probability(embedded, texts, len(EXTERIOR), classifier.scale())


def exterior_probability(
    embedded: np.ndarray, texts: np.ndarray, exterior: int, scale: float
) -> np.ndarray:
    """Sum the probabilities of the first kinds of photos.

    Args:
        embedded: float32 [photos, width], of any length.
        texts: float32 [kinds, width], of length 1, the exterior kinds first.
        exterior: How many kinds show a car from outside.
        scale: What cosines are multiplied by.

    Returns:
        float32 [photos].
    """
    from scipy.special import softmax

    lengths = np.linalg.norm(embedded, axis=1, keepdims=True)
    unit = embedded / np.maximum(lengths, np.finfo(np.float32).tiny)
    shares = softmax(scale * unit @ texts.T, axis=1)
    likeness: np.ndarray = shares[:, :exterior].sum(axis=1).astype(np.float32)
    return likeness
