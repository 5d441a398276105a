"""How many tokens Qwen2-VL and Qwen2.5-VL read, without their tokenizer, which is on the hub.

The challenge's names were spelled by the published vocabulary once, by
``tools/presets/make_qwen_tokens.py``, which says where that is from.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pandas as pd

TABLE = Path(__file__).with_name("qwen_name_tokens.csv")

OTHER_TOKEN = re.compile("[가-힣]|[A-Za-z]{1,4}|[^ ]")
"""Roughly a token of a text that is no name: digits are tokens of their own, spaces are not."""


@cache
def name_tokens() -> dict[str, tuple[int, ...]]:
    """Read the tokens of the challenge's names, written with spaces, without an end token."""
    table = pd.read_csv(TABLE, comment="#", dtype=str)
    return {
        name: tuple(map(int, tokens.split()))
        for name, tokens in zip(table["name"], table["tokens"], strict=True)
    }


def count_tokens(prompt: str) -> int:
    """Count a prompt's tokens: those of its names are known, those of the rest estimated."""
    names = name_tokens()
    return sum(len(names[part]) if part in names else 1 for part in _parts().findall(prompt))


@cache
def _parts() -> re.Pattern[str]:
    longest_first = sorted(name_tokens(), key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), OTHER_TOKEN.pattern]))
