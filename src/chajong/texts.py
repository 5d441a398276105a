"""What people read, in their language: a table of texts for each kind of page."""

from __future__ import annotations

from typing import Literal

Language = Literal["ko", "en"]

Texts = dict[str, dict[Language, str]]
"""Texts by name and language; what is between braces is filled in, as `str.format` does."""


def filled(texts: Texts, name: str, language: Language, **values: object) -> str:
    """Give a text in a language.

    Args:
        texts: The table.
        name: Its name there.
        language: The reader's.
        values: What is filled in; a text without any is taken as it is, braces and all.

    Raises:
        KeyError: There is no such text.
    """
    text = texts[name][language]
    return text.format(**values) if values else text
