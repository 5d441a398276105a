from __future__ import annotations

import csv
from importlib.resources import files
from typing import get_args

import pytest

from chajong.names.lexicon import (
    Kind,
    korean_makers,
    lexicon,
    longest_entry,
    lookup_key,
    split_pieces,
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    table = (files("chajong.names") / "lexicon.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(table.splitlines()))


def test_every_row_has_a_known_kind_and_an_english_word(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert row["kind"] in get_args(Kind), row
        assert row["english"].isascii(), row
        assert row["english"] == row["english"].strip() != "", row


def test_every_model_has_a_maker_with_a_korean_word(rows: list[dict[str, str]]) -> None:
    makers = {row["maker"] for row in rows if row["kind"] == "model"}
    assert makers == set(korean_makers())


def test_marks_name_makers_that_exist(rows: list[dict[str, str]]) -> None:
    assert {row["maker"] for row in rows} - set(korean_makers()) == {"", "*"}


def test_no_word_means_two_things_of_one_kind(rows: list[dict[str, str]]) -> None:
    meanings = [(row["kind"], lookup_key(split_pieces(row["word"])), row["maker"]) for row in rows]
    assert len(meanings) == len(set(meanings))


def test_normal_forms_are_words_of_the_same_meaning(rows: list[dict[str, str]]) -> None:
    by_word = {row["word"]: row for row in rows if not row["normal_form"]}
    for row in rows:
        if row["normal_form"]:
            normal = by_word[row["normal_form"]]
            assert {**row, "word": "", "normal_form": ""} == {**normal, "word": ""}


def test_longest_entry_is_the_longest_key() -> None:
    assert any(len(key.split()) == longest_entry() for key in lexicon())
    assert all(len(key.split()) <= longest_entry() for key in lexicon())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("그랜저TG", ["그랜저", "TG"]),
        ("디_올뉴니로EV", ["디", "올뉴", "니로", "EV"]),
        ("더_뉴스포티지R", ["더", "뉴", "스포티지", "R"]),
        ("아이오닉 5", ["아이오닉", "5"]),
        ("아이오닉5", ["아이오닉", "5"]),
        ("K5_3세대", ["K5", "3세대"]),
        ("뉴스페이퍼", ["뉴스페이퍼"]),
        ("e_트론", ["e", "트론"]),
        ("", []),
    ],
)
def test_split_pieces(text: str, pieces: list[str]) -> None:
    assert split_pieces(text) == pieces
