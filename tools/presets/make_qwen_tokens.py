"""The tokens that Qwen's own tokenizer makes of the challenge's names, for the presets' estimates.

    python -m tools.presets.make_qwen_tokens qwen.tiktoken

The vocabulary is a file of the Python package `qwen-agent` (qwen_agent/utils/qwen.tiktoken, also in
`dashscope`). Qwen, Qwen2-VL and Qwen2.5-VL share its 151,643 tokens and the way a text is cut; they
differ in special tokens only, which no name has. The table that the estimates read is written anew.
"""

from __future__ import annotations

import argparse
import base64
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import regex

from chajong.members.vlm.questions import spoken_names
from chajong.names.challenge import challenge_names
from tools.presets.qwen_tokens import TABLE

PIECES = regex.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How a text is cut before its bytes are joined. Source: PAT_STR of that package's
tokenization_qwen.py."""


def main() -> None:
    """Write the table and say what names come to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vocabulary", type=Path, help="the file qwen.tiktoken")
    path = parser.parse_args().vocabulary
    ranks = read_ranks(path)
    rows = [(name, tokens_of(name, ranks)) for name in spoken_names(challenge_names())]
    digest = sha256(path.read_bytes()).hexdigest()
    lines = [
        f"# by tools/presets/make_qwen_tokens.py from qwen.tiktoken, sha-256 {digest}",
        "name,tokens",
    ]
    lines += [f"{name},{' '.join(map(str, tokens))}" for name, tokens in rows]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mean = sum(len(tokens) for _, tokens in rows) / len(rows)
    print(f"{len(rows)} names of {mean:.1f} tokens, the end not counted: {TABLE.name}")


def read_ranks(path: Path) -> dict[bytes, int]:
    """Read a vocabulary: one token a line in base 64, and its rank."""
    lines = (line.split() for line in path.read_bytes().splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def tokens_of(text: str, ranks: dict[bytes, int]) -> list[int]:
    """Spell a text by byte-pair encoding: the pair of the lowest rank is joined first."""
    tokens = []
    for piece in PIECES.findall(text):
        parts = [bytes([byte]) for byte in piece.encode()]
        while pairs := {
            place: ranks[left + right]
            for place, (left, right) in enumerate(pairwise(parts))
            if left + right in ranks
        }:
            place = min(pairs, key=pairs.__getitem__)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        tokens += [ranks[part] for part in parts]
    return tokens


if __name__ == "__main__":
    main()
