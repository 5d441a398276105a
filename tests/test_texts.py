"""Every text is there in both languages, and both are filled in with the same."""

import re

import pytest

from chajong.app import texts as app
from chajong.ensembling import texts as ensembling
from chajong.members.cards import card
from chajong.reports import texts as reports
from chajong.texts import filled, translated

TABLES = [app.TEXTS, ensembling.TEXTS, reports.TEXTS, reports.VALUES, card.FIGURES]
HANGUL = re.compile("[가-힣]")
PLACE = re.compile(r"\{[^{}]*\}")
SAME_IN_BOTH = {"f1", "interval", "counted"}
"""Texts without a word that could be Korean."""


@pytest.mark.parametrize("table", TABLES)
def test_both_languages_say_it_with_the_same_values(table):
    for name, languages in table.items():
        assert languages.keys() == {"ko", "en"}
        assert HANGUL.search(languages["ko"]) or name in SAME_IN_BOTH, name
        assert not HANGUL.search(languages["en"])
        korean, english = (sorted(set(PLACE.findall(text))) for text in languages.values())
        assert korean == english, name


def test_tables_of_the_reports_share_no_name():
    parts = (
        reports.SECTIONS, reports.COLUMNS, reports.PARTS, reports.CHARTS, reports.AUDIT,
        reports.DOUBTFUL, reports.FOLDS,
    )  # fmt: skip
    assert sum(map(len, parts)) == len(reports.TEXTS)


def test_a_text_without_values_keeps_its_braces():
    table = {"hover": {"ko": "%{x}장", "en": "%{x} photos"}, "count": {"ko": "{n}장", "en": "{n}"}}
    assert filled(table, "hover", "en") == "%{x} photos"
    assert filled(table, "count", "ko", n=3) == "3장"


def test_parts_are_translated_and_what_nobody_translated_stays():
    patterns = {r"(\w+) is (\w+)": "{0}: {1}", "wet": "젖음"}
    assert translated("it is wet", "ko", patterns) == "it: 젖음"
    assert translated("it is wet", "en", patterns) == "it is wet"
    assert translated("it rains", "ko", patterns) == "it rains"


def test_names_and_reasons_stay_as_they_are():
    assert reports.worded("best member: hog", "ko") == "가장 좋은 모델: hog"
    assert reports.worded("my_model", "ko") == "my_model"
    assert reports.worded("pooled", "en") == "pooled"
    assert [reports.called(member, "ko") for member in ("ensemble", "fusion")] == [
        "앙상블",
        "fusion",
    ]
