"""Class names that mean the same car, merged into effective classes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

CHALLENGE_ALIASES: tuple[tuple[str, str], ...] = (
    ("K5_3세대_하이브리드_2020_2022", "K5_하이브리드_3세대_2020_2023"),
    ("디_올뉴니로_2022_2025", "디_올_뉴_니로_2022_2025"),
    ("718_박스터_2017_2024", "박스터_718_2017_2024"),
    ("RAV4_2016_2018", "라브4_4세대_2013_2018"),
    ("RAV4_5세대_2019_2024", "라브4_5세대_2019_2024"),
)
"""The five pairs of the challenge's names that show the same car."""


def merge_aliases(names: Sequence[str], aliases: Iterable[Sequence[str]]) -> dict[str, str]:
    """Map every class name to the name of its effective class.

    Names are compared in NFC. Aliases chain: a = b and b = c put all three in one class, even
    where b itself is not among the names.

    Args:
        names: the class names, in the order of the submission.
        aliases: groups (usually pairs) of names for one car; names that do not occur are ignored.

    Returns:
        One entry a name, in the order of ``names``: the name -> the first name of its group.
    """
    group_of: dict[str, set[str]] = {}
    for alias in aliases:
        normal = {_nfc(name) for name in alias}
        merged = normal.union(*(group_of.get(name, set()) for name in normal))
        group_of.update(dict.fromkeys(merged, merged))

    effective: dict[str, str] = {}
    first_of: dict[str, str] = {}
    for name in names:
        normal_name = _nfc(name)
        effective[name] = first_of.setdefault(normal_name, name)
        for other in group_of.get(normal_name, ()):
            first_of.setdefault(other, effective[name])
    return effective


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
