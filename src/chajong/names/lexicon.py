"""The words of Korean-market car names and what they mean, read from ``lexicon.csv``.

Columns of the table:

==============  ===================================================================================
``word``        the word as class names spell it; ``_`` stands for an optional gap
``kind``        ``model`` (a model line), ``body`` (a variant that is a different model and stays
                with its line), ``maker``, ``facelift``, ``generation`` or ``powertrain``
``maker``       of a model or maker word: the maker. Of a mark: the only maker whose models bear it
                (``네오`` means something beside a Renault Samsung, nothing beside a galaxy);
                ``*`` any known model; empty for a mark that is one beside any name
``english``     the English rendering, without the maker
``powertrain``  the powertrain that the word states or that the whole line has
``normal_form`` the word that this one is another spelling of
==============  ===================================================================================
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

Kind = Literal["model", "body", "maker", "facelift", "generation", "powertrain"]

_ANY_KNOWN_MODEL = "*"

_PIECES = re.compile(r"[0-9]+세대|[가-힣]+|[^가-힣\s_]+")


@dataclass(frozen=True)
class Entry:
    """One row of the lexicon; ``text`` is the normal form, with spaces for ``_``."""

    kind: Kind
    text: str
    english: str
    maker: str | None = None
    powertrain: str | None = None

    def marks(self, line: Entry) -> bool:
        """Tell whether the word is a mark, or the maker, of this model line."""
        return self.kind != "model" and self.maker in {None, _ANY_KNOWN_MODEL, line.maker}


@cache
def lexicon() -> dict[str, tuple[Entry, ...]]:
    """Return the entries of every word, by `lookup_key`; a word may have several kinds."""
    table = (files(__package__) / "lexicon.csv").read_text(encoding="utf-8")
    entries: dict[str, tuple[Entry, ...]] = {}
    for row in csv.DictReader(table.splitlines()):
        key = lookup_key(_PIECES.findall(row["word"]))
        entries[key] = (*entries.get(key, ()), _entry(row))
    return entries


@cache
def longest_entry() -> int:
    """Return the number of pieces of the longest word in the lexicon."""
    return max(len(key.split()) for key in lexicon())


@cache
def korean_makers() -> dict[str, str]:
    """Return the Korean word for every maker, by its English name."""
    makers = [e for entries in lexicon().values() for e in entries if e.kind == "maker"]
    return {entry.english: entry.text for entry in makers}


def lookup_key(words: Iterable[str]) -> str:
    """Return the key under which the lexicon holds these words or pieces."""
    return " ".join(words).casefold()


def split_pieces(text: str) -> list[str]:
    """Split NFC text into the smallest parts that can be words of the lexicon.

    Cuts at spaces, at ``_``, between Hangul and other scripts, and inside Hangul runs made of two
    known words, so that every spelling of a name gives the same pieces: ``아이오닉5`` and
    ``아이오닉_5``, ``더_뉴_그랜저TG`` and ``더 뉴그랜저 TG``.
    """
    return [part for piece in _PIECES.findall(text) for part in _split_known_words(piece)]


def _split_known_words(piece: str) -> list[str]:
    known = _known_pieces()
    if piece in known:
        return [piece]
    halves = ([piece[:cut], piece[cut:]] for cut in range(1, len(piece)))
    return next((pair for pair in halves if known.issuperset(pair)), [piece])


@cache
def _known_pieces() -> frozenset[str]:
    return frozenset(piece for key in lexicon() for piece in key.split() if _is_hangul(piece))


def _is_hangul(piece: str) -> bool:
    return "가" <= piece[0] <= "힣"


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        kind=cast("Kind", row["kind"]),
        text=(row["normal_form"] or row["word"]).replace("_", " "),
        english=row["english"],
        maker=row["maker"] or None,
        powertrain=row["powertrain"] or None,
    )
