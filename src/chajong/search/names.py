"""Which classes words name: the exact name first, then as many parts of a name as occur."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from chajong.names.grammar import parse_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.names.grammar import ParsedName


def classes_named(words: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """Find the classes that words name, in Korean or English.

    Args:
        words: Anything; only words that name a maker or a model line count as a name. Beside
            these, other parts of a name, such as its generation or a year in its years, tell
            classes apart.
        class_names: The classes.

    Returns:
        The class of that very name, with or without its years; else those with the most of the
        words, in order; none where no maker and no model line is named.
    """
    asked = {_parts(words), _parts(_english(parse_name(words)))} if words.strip() else set()
    exact = [name for name in class_names if asked & _whole_names(name)]
    if exact:
        return tuple(exact)
    counts = {name: max((_count(each, name) for each in asked), default=0) for name in class_names}
    most = max(counts.values(), default=0)
    return tuple(name for name in class_names if most and counts[name] == most)


def _english(parsed: ParsedName) -> str:
    years = (str(year) for year in (parsed.first_year, parsed.last_year) if year)
    return " ".join([parsed.english, *dict.fromkeys(years)])


def _parts(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", normalize("NFC", text).casefold()))


@lru_cache(maxsize=4096)
def _whole_names(name: str) -> frozenset[tuple[str, ...]]:
    parsed = parse_name(name)
    maker = parsed.maker or ""
    alike = (
        name,
        _english(parsed),
        parsed.stem,
        parsed.english,
        f"{maker} {parsed.stem}",
        f"{maker} {parsed.english}",
    )
    return frozenset(map(_parts, alike))


@lru_cache(maxsize=4096)
def _naming_parts(name: str) -> frozenset[str]:
    """Give the parts of the maker and the model line, which alone make words a name."""
    parsed = parse_name(name)
    line = {*_parts(parsed.base), *_parts(parse_name(parsed.base).english)}
    return frozenset({*line, *_parts(parsed.maker or "")})


def _count(asked: tuple[str, ...], name: str) -> int:
    """Count the words that occur in a name; none counts where none names its car."""
    if not _naming_parts(name) & set(asked):
        return 0
    parsed = parse_name(name)
    known = _naming_parts(name).union(*_whole_names(name))
    years = range(parsed.first_year or 0, (parsed.last_year or -1) + 1)
    return sum(each in known or (each.isdecimal() and int(each) in years) for each in asked)
