import base64
import sys

import pytest

from chajong.members.vlm.questions import spoken_names
from chajong.members.vlm.templates import ENGLISH, KOREAN
from chajong.names.challenge import challenge_names
from tools.presets import make_qwen_tokens
from tools.presets.qwen_tokens import TABLE, count_tokens, name_tokens


def test_the_table_has_every_name_of_the_challenge():
    table = name_tokens()
    assert list(table) == list(spoken_names(challenge_names()))
    assert len(set(table.values())) == len(table)
    assert sum(map(len, table.values())) == 6363  # 16.1 a name
    assert {token for tokens in table.values() for token in tokens} <= set(range(151_643))


# Counted by the package's own tokenizer.
@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        (KOREAN.without_hints, 19),
        (ENGLISH.without_hints, 13),
        (KOREAN.with_hints.format(hints="스토닉 2018 2020 (2 %), 3시리즈 F30 2013 2018 (1 %)"), 81),
    ],
)
def test_a_prompt_has_no_fewer_tokens_than_estimated_and_few_less(prompt, tokens):
    assert tokens <= count_tokens(prompt) <= tokens + 10


def test_the_table_is_written_from_a_vocabulary(tmp_path, monkeypatch, capsys):
    first, second, third = "뉴".encode()
    joined = [bytes([second, third]), bytes([first, second]), "뉴".encode(), b"20"]
    tokens = [*(bytes([byte]) for byte in range(256)), *joined]
    lines = (base64.b64encode(token) + b" %d" % rank for rank, token in enumerate(tokens))
    (tmp_path / "qwen.tiktoken").write_bytes(b"\n".join(lines))
    ranks = make_qwen_tokens.read_ranks(tmp_path / "qwen.tiktoken")
    # Digits are never joined; of two pairs that of the lower rank is joined first.
    assert make_qwen_tokens.tokens_of("A 20", ranks) == [65, 32, 50, 48]
    assert make_qwen_tokens.tokens_of("뉴", ranks) == [258]
    written = tmp_path / TABLE.name
    monkeypatch.setattr(make_qwen_tokens, "TABLE", written)
    monkeypatch.setattr(sys, "argv", ["make_qwen_tokens", str(tmp_path / "qwen.tiktoken")])
    make_qwen_tokens.main()
    assert "396 names" in capsys.readouterr().out
    assert len(written.read_text(encoding="utf-8").splitlines()) == 398
