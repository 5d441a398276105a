"""The grammar of class names: model line, facelift, generation, powertrain and years.

A name such as ``더_뉴_그랜저_IG_2020_2023`` is read in two steps. Trailing years are cut off
first. The rest is then a *known model* if one model line of the lexicon and marks explain all of
it; marks may stand on either side, and a code like ``IG`` or ``W213`` beside a known line is its
generation. In any other name only marks that mean nothing else count, and only at its edges
(``Aurion_Delta_2nd_Gen_Hybrid_2019_2022``); a name without them, of a car or of a bird, is its own
base.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chajong.names.lexicon import Entry, Kind, lexicon, longest_entry, lookup_key, split_pieces

_YEAR = r"(?:19[5-9][0-9]|20[0-4][0-9])"
_STEM = r"(?P<stem>.*?[^\s_])[\s_]+"
_YEAR_RANGE = re.compile(
    rf"{_STEM}(?P<first>{_YEAR})(?:[\s_]+|\s?[-–~/]\s?)(?P<last>{_YEAR})\s*", re.DOTALL
)
_ONE_YEAR = re.compile(rf"{_STEM}(?P<first>(?P<last>{_YEAR}))\s*", re.DOTALL)

_NTH_GENERATION = re.compile(
    r"(?P<korean>[0-9]{1,2})세대|(?P<nth>[0-9]{1,2})(?:st|nd|rd|th)[ -]gen(?:eration)?"
    r"|gen(?:eration)? (?P<english>[0-9]{1,2})"
)
# F20, W463b, 4M, DN8, PO536, IG, 992, and the numeral of Discovery 4.
_CHASSIS_CODE = re.compile(r"[A-Z]{1,2}[0-9]{1,3}[a-z]?|[A-Z]{2}|[0-9][A-Z]|[0-9]{3}|[0-9]")


@dataclass(frozen=True)
class ParsedName:
    """What a class name says; texts have single spaces where the name has ``_``.

    Attributes:
        name: the whole name in NFC, otherwise untouched: the key of the class.
        stem: the name without its years.
        base: the model line with its body variant, without any mark; never empty for a name that
            is not blank. The whole stem where nothing is known.
        generation: ``3세대``, ``2nd Gen`` or a chassis code such as ``IG``.
        facelift: the words that mark a new or refreshed model, such as ``더 뉴`` or ``마이스터``,
            each in one spelling.
        powertrain: ``hybrid``, ``plug-in hybrid``, ``electric`` or ``hydrogen``.
        first_year: first model year.
        last_year: last model year; equal to ``first_year`` for a name with a single year.
        maker: the maker's English name, for the model lines of the lexicon.
        english: the stem in English, without the maker; words that the lexicon lacks stay.
    """

    name: str
    stem: str
    base: str
    generation: str | None
    facelift: str | None
    powertrain: str | None
    first_year: int | None
    last_year: int | None
    maker: str | None
    english: str


@dataclass(frozen=True)
class _Reading:
    base: str
    base_english: str
    before: list[Entry] = field(default_factory=list)
    after: list[Entry] = field(default_factory=list)
    maker: str | None = None
    line_powertrain: str | None = None

    def texts(self, kind: Kind) -> str | None:
        return " ".join(m.text for m in self.before + self.after if m.kind == kind) or None

    def powertrain(self) -> str | None:
        stated = [m.powertrain for m in self.before + self.after if m.kind == "powertrain"]
        return stated[0] if stated else self.line_powertrain

    def english(self) -> str:
        """Generations come last, so that names that differ only in word order read alike."""
        after = sorted(self.after, key=lambda mark: mark.kind == "generation")
        elsewhere = {"maker", "body"}
        before_words = [mark.english for mark in self.before if mark.kind not in elsewhere]
        after_words = [mark.english for mark in after if mark.kind not in elsewhere]
        return " ".join([*before_words, self.base_english, *after_words])


def parse_name(name: str) -> ParsedName:
    """Read a class name; any text is accepted, in NFC or NFD.

    Args:
        name: for example ``K5_하이브리드_3세대_2020_2023``, ``Aurion_Delta_Facelift_2021_2023``
            or ``house_sparrow``.

    Returns:
        The parsed name. A name without car marks has itself as base and None everywhere else.
    """
    name = unicodedata.normalize("NFC", name)
    stem, first_year, last_year = _split_years(name)
    reading = _read_known_model(stem) or _read_marks_at_edges(stem, dated=first_year is not None)
    return ParsedName(
        name=name,
        stem=stem,
        base=reading.base,
        generation=reading.texts("generation"),
        facelift=reading.texts("facelift"),
        powertrain=reading.powertrain(),
        first_year=first_year,
        last_year=last_year,
        maker=reading.maker,
        english=reading.english(),
    )


def _split_years(name: str) -> tuple[str, int | None, int | None]:
    for pattern in (_YEAR_RANGE, _ONE_YEAR):
        match = pattern.fullmatch(name)
        if match and match["first"] <= match["last"]:
            return match["stem"], int(match["first"]), int(match["last"])
    return name, None, None


def _read_known_model(stem: str) -> _Reading | None:
    """Read a stem that one model line and marks explain completely, else None."""
    pieces = split_pieces(stem)
    span = _model_span(pieces)
    if span is None:
        return None
    start, end, line = span
    before = _read_marks(pieces[:start], line)
    after = _read_marks(pieces[end:], line)
    if before is None or after is None:
        return None
    model = [line, *(mark for mark in before + after if mark.kind == "body")]
    return _Reading(
        base=" ".join(part.text for part in model),
        base_english=" ".join(part.english for part in model),
        before=before,
        after=after,
        maker=line.maker,
        line_powertrain=line.powertrain,
    )


def _model_span(pieces: Sequence[str]) -> tuple[int, int, Entry] | None:
    """Find the longest model line; of equals the last, as makers come first (제네시스 G80)."""
    spans = [
        (start, start + length, entry)
        for length in range(1, longest_entry() + 1)
        for start in range(len(pieces) - length + 1)
        if (entry := _find(pieces[start : start + length], lambda entry: entry.kind == "model"))
    ]
    return max(spans, key=lambda span: (span[1] - span[0], span[0]), default=None)


def _read_marks(pieces: Sequence[str], line: Entry) -> list[Entry] | None:
    """Read all pieces beside a model line as marks, longest first; None if one is no mark."""
    marks: list[Entry] = []
    while pieces:
        lengths = range(min(longest_entry(), len(pieces)), 0, -1)
        found = ((_mark_of_line(pieces[:length], line), length) for length in lengths)
        mark, length = next((pair for pair in found if pair[0]), (None, 0))
        if mark is None:
            return None
        marks.append(mark)
        pieces = pieces[length:]
    return marks


def _mark_of_line(words: Sequence[str], line: Entry) -> Entry | None:
    mark = _find(words, lambda entry: entry.marks(line)) or _nth_generation(words)
    if mark is None and len(words) == 1 and _CHASSIS_CODE.fullmatch(words[0]):
        return Entry("generation", words[0], words[0])
    return mark


def _read_marks_at_edges(stem: str, dated: bool) -> _Reading:
    """Strip unmistakable marks from a name that the lexicon does not know, leaving a base.

    Leading marks count only in a name with years: 'The New York Times' is no facelift.
    """
    words = stem.replace("_", " ").split()
    before: list[Entry] = []
    after: list[Entry] = []
    while dated and (found := _edge_mark(words, _leading_mark, first=True)):
        before.append(found[0])
        words = words[found[1] :]
    while found := _edge_mark(words, _trailing_mark, first=False):
        after.insert(0, found[0])
        words = words[: -found[1]]
    base = " ".join(words) or stem
    return _Reading(base, base, before, after)


def _edge_mark(
    words: Sequence[str], mark_of: Callable[[Sequence[str]], Entry | None], first: bool
) -> tuple[Entry, int] | None:
    """Find the longest mark at the first or last words and its length; None if it is all words."""
    for length in range(min(longest_entry(), len(words)), 0, -1):
        if mark := mark_of(words[:length] if first else words[-length:]):
            return (mark, length) if length < len(words) else None
    return None


def _leading_mark(words: Sequence[str]) -> Entry | None:
    return _find(words, lambda entry: entry.kind == "facelift" and entry.maker is None)


def _trailing_mark(words: Sequence[str]) -> Entry | None:
    kinds = {"facelift", "powertrain"}
    mark = _find(words, lambda entry: entry.kind in kinds and entry.maker is None)
    return mark or _nth_generation(words)


def _find(words: Sequence[str], accepts: Callable[[Entry], bool]) -> Entry | None:
    return next(filter(accepts, lexicon().get(lookup_key(words), ())), None)


def _nth_generation(words: Sequence[str]) -> Entry | None:
    match = _NTH_GENERATION.fullmatch(lookup_key(words))
    if match is None:
        return None
    ordinal = _ordinal(int(next(filter(None, match.groups()))))
    text = words[0] if match["korean"] else f"{ordinal} Gen"
    return Entry("generation", text, f"{ordinal} generation")


def _ordinal(number: int) -> str:
    suffixes = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 11 <= number % 100 <= 13 else suffixes.get(number % 10, 'th')}"
