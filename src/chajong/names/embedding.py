"""Class names as vectors, by an offline character encoder or any SentenceTransformer."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pickle import UnpicklingError

import numpy as np
from numpy.typing import NDArray

from chajong.names.grammar import ParsedName, parse_name
from chajong.names.prompts import english_prompts

CHARACTERS = "characters"
"""The name of the offline encoder."""

_ATTRIBUTE_WEIGHT = 0.5  # one shared attribute counts a quarter of an identical spelling


def embed_names(names: Sequence[str], model: str, device: str = "cpu") -> NDArray[np.float32]:
    """Embed class names.

    ``characters`` needs no weights: TF-IDF of jamo n-grams beside the parsed attributes, with the
    vocabulary of the names given, so vectors of separate calls are not comparable. Any other model
    encodes the English prompts of every name and takes their mean.

    Args:
        names: n class names, none of them blank.
        model: ``characters``, the name of a SentenceTransformer, or a folder that holds one.
        device: the torch device of a SentenceTransformer.

    Returns:
        float32 [n, d], rows of length 1.

    Raises:
        ValueError: there is no name, or a blank one.
        OSError: the SentenceTransformer cannot be loaded.
    """
    if not names or not all(name.replace("_", " ").strip() for name in names):
        raise ValueError(f"Give at least one class name, and no blank one, to embed: {list(names)}")
    parsed = [parse_name(name) for name in names]
    if model == CHARACTERS:
        return _embed_characters(parsed)
    return _embed_sentences([english_prompts(name) for name in parsed], model, device)


def _embed_characters(parsed: Sequence[ParsedName]) -> NDArray[np.float32]:
    from scipy.sparse import hstack
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    tfidf = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), preprocessor=_jamo)
    spelling = tfidf.fit_transform([name.stem for name in parsed])
    attributes = DictVectorizer().fit_transform(_attributes(parsed))
    rows = normalize(hstack([spelling, _ATTRIBUTE_WEIGHT * attributes]))
    return np.asarray(rows.toarray(), dtype=np.float32)


def _jamo(text: str) -> str:
    """Spell Hangul in its letters, so that 쏘나타 and 소나타 share most of their n-grams."""
    return unicodedata.normalize("NFD", text.lower().replace("_", " "))


def _attributes(parsed: Sequence[ParsedName]) -> list[dict[str, str | float]]:
    """Return the stated attributes of every name, years scaled to [0, 1] over the names.

    ``has_years`` keeps a name without years apart from the oldest car.
    """
    years = [year for name in parsed for year in (name.first_year, name.last_year) if year]
    first = min(years, default=0)
    span = max(1, max(years, default=0) - first)

    def attributes_of(name: ParsedName) -> dict[str, str | float]:
        stated: dict[str, str | float] = {"has_years": float(name.first_year is not None)}
        for kind in ("maker", "generation", "facelift", "powertrain"):
            if value := getattr(name, kind):
                stated[kind] = value
        for year in ("first_year", "last_year"):
            if value := getattr(name, year):
                stated[year] = (value - first) / span
        return stated

    return [attributes_of(name) for name in parsed]


def _embed_sentences(
    prompts: Sequence[Sequence[str]], model: str, device: str
) -> NDArray[np.float32]:
    from sentence_transformers import SentenceTransformer

    try:
        encoder = SentenceTransformer(model, device=device)
    except UnpicklingError as error:
        raise OSError(
            f"A file of the name model '{model}' holds more than tensors and is not opened: "
            "convert its weights to safetensors where they were made."
        ) from error
    except (OSError, ValueError) as error:
        raise OSError(
            f"The name model '{model}' cannot be loaded: {error}. Give '{CHARACTERS}' (needs no "
            "weights), a folder written by SentenceTransformer.save_pretrained, or the name of a "
            "hub model while online or with the model in the local cache."
        ) from error
    sentences = [sentence for group in prompts for sentence in group]
    vectors = encoder.encode(sentences, normalize_embeddings=True, show_progress_bar=False)
    first_of_group = np.cumsum([0, *(len(group) for group in prompts[:-1])])
    sums = np.add.reduceat(np.asarray(vectors, dtype=np.float32), first_of_group, axis=0)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)
