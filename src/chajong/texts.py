"""What people read, in their language: a table of texts for each kind of page."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["ko", "en"]

Texts = dict[str, dict[Language, str]]
"""Texts by name and language; what is between braces is filled in, as `str.format` does."""

Patterns = dict[str, str]
"""Korean by a pattern of the English that the whole package speaks; {0} is its first group."""


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


def translated(said: str, language: Language, patterns: Patterns) -> str:
    """Say in a language what tables and errors say in English, and so do its parts.

    Args:
        said: In English.
        language: The reader's.
        patterns: The first that all of it matches counts.

    Returns:
        The text; in English where nobody has translated it.
    """
    if language == "ko":
        for pattern, korean in patterns.items():
            if found := re.fullmatch(pattern, said, re.DOTALL):
                parts = found.groups(default="")
                return korean.format(*(translated(part, language, patterns) for part in parts))
    return said
