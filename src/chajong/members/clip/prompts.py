"""The sentences that stand for the classes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chajong.names.prompts import Language


@dataclass(frozen=True)
class ClassPrompts:
    """Sentences about every effective class, in the order of the classes.

    Attributes:
        korean: One tuple of Korean sentences a class.
        english: One tuple of English sentences a class.
    """

    korean: tuple[tuple[str, ...], ...]
    english: tuple[tuple[str, ...], ...]

    def in_language(self, language: Language) -> tuple[tuple[str, ...], ...]:
        """Give the sentences of one language, none for a class that has none."""
        return self.korean if language == "korean" else self.english

    def in_languages(self, languages: Sequence[Language]) -> list[tuple[str, ...]]:
        """Join the sentences of some languages.

        Args:
            languages: Which ones, in this order.

        Returns:
            One tuple of sentences a class.

        Raises:
            ValueError: A class has no sentence in these languages.
        """
        chosen = [self.in_language(language) for language in languages]
        joined = [tuple(chain.from_iterable(parts)) for parts in zip(*chosen, strict=True)]
        if () in joined:
            message = (
                f"Class number {joined.index(())} has no prompt in {', '.join(languages)}. Name "
                "more `languages`, or complete the prompts in the classes table."
            )
            raise ValueError(message)
        return joined


def class_prompts(classes: pd.DataFrame) -> ClassPrompts:
    """Pick the sentences about each effective class's first name.

    Args:
        classes: The `classes` table.

    Returns:
        The sentences, in the order of `effective_id`.
    """
    first = classes.drop_duplicates("effective_id").sort_values("effective_id")
    return ClassPrompts(
        tuple(tuple(prompts) for prompts in first["korean_prompts"]),
        tuple(tuple(prompts) for prompts in first["english_prompts"]),
    )
