"""Whether a tokenizer reads the sentences about names, and in how many pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

MOST_UNREAD = 0.05
"""Share of names that may have an unknown token in every sentence: a rare letter does little harm,
a language that the tokenizer does not know leaves nothing."""


@dataclass(frozen=True)
class Reader:
    """A tokenizer, as far as it matters what it can read.

    Attributes:
        pieces: Turns sentences into tokens, without those that frame a sentence.
        unknown: The token of what the tokenizer does not know; None where it spells everything.
    """

    pieces: Callable[[list[str]], list[list[int]]]
    unknown: int | None

    def reads(self, sentence: str) -> bool:
        """Tell whether no part of a sentence is unknown."""
        return self.unknown not in self.pieces([sentence])[0]


@dataclass(frozen=True)
class Reading:
    """What a tokenizer makes of the sentences about names.

    Attributes:
        pieces: Tokens of a sentence, on average.
        problem: What keeps names from being told apart, None where nothing does.
    """

    pieces: float
    problem: str | None


def reader_of(tokenizer: Any) -> Reader:
    """Say how a tokenizer reads.

    Args:
        tokenizer: Of transformers or of tokenizers.

    Raises:
        TypeError: It is neither.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    if isinstance(tokenizer, PreTrainedTokenizerBase):
        return Reader(
            lambda texts: tokenizer(texts, add_special_tokens=False).input_ids,
            tokenizer.unk_token_id,
        )
    if isinstance(tokenizer, Tokenizer):
        model = json.loads(tokenizer.to_str())["model"]
        named = model.get("unk_token")
        return Reader(
            lambda texts: [
                found.ids for found in tokenizer.encode_batch(texts, add_special_tokens=False)
            ],
            tokenizer.token_to_id(named) if named else model.get("unk_id"),
        )
    kind = type(tokenizer).__name__
    raise TypeError(f"What a {kind} reads cannot be told: it is no tokenizer of transformers.")


def read_names(reader: Reader, sentences: Sequence[Sequence[str]]) -> Reading:
    """Let a tokenizer read the sentences about names.

    A name is unread where each of its sentences holds an unknown token: one word of the sentence
    around it that is unknown leaves the others. Names fall together where all their sentences are
    the same tokens, though not the same words.

    Args:
        reader: The tokenizer.
        sentences: At least one name's, at least one each.
    """
    tokens = [reader.pieces(list(group)) for group in sentences]
    lengths = [len(each) for group in tokens for each in group]
    problem = _unread(reader, sentences, tokens) or _fallen_together(sentences, tokens)
    return Reading(sum(lengths) / len(lengths), problem)


def _unread(
    reader: Reader, sentences: Sequence[Sequence[str]], tokens: Sequence[list[list[int]]]
) -> str | None:
    unread = [
        group[0]
        for group, found in zip(sentences, tokens, strict=True)
        if all(reader.unknown in each for each in found)
    ]
    if len(unread) <= MOST_UNREAD * len(sentences):
        return None
    return (
        f"turns parts of {len(unread):,} of {len(sentences):,} names "
        f"({len(unread) / len(sentences):.0%}) into unknown tokens, as in {unread[0]!r}"
    )


def _fallen_together(
    sentences: Sequence[Sequence[str]], tokens: Sequence[list[list[int]]]
) -> str | None:
    first: dict[tuple[tuple[int, ...], ...], Sequence[str]] = {}
    pairs = [
        (other[0], group[0])
        for group, found in zip(sentences, tokens, strict=True)
        if (other := first.setdefault(tuple(map(tuple, found)), group)) != group
    ]
    if not pairs:
        return None
    return (
        f"makes the same tokens of {len(pairs):,} of {len(sentences):,} names as of another, such "
        f"as of {pairs[0][0]!r} and {pairs[0][1]!r}"
    )
