from functools import partial

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from chajong.reports.rendering import NOTHING, breakable, environment, number
from chajong.reports.texts import text

PAGE = (
    '{% extends "base.html" %}{% set title = "차종 <b>" %}{% block body %}{{ body }}{% endblock %}'
)


@pytest.fixture
def templates():
    return environment("chajong.reports")


def test_a_page_names_a_hangul_font_and_fetches_nothing(templates):
    page = templates.from_string(PAGE).render(body=Markup("<p>body</p>"), language="ko")
    assert "NanumGothic" in page
    assert "차종 &lt;b&gt;" in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.index("--accent:") < page.index("</head>") < page.index("<p>body</p>")


def test_texts_are_escaped_by_the_template_and_a_missing_one_stops_it(templates):
    assert "&lt;i&gt;" in templates.from_string(PAGE).render(body="<i>", language="en")
    with pytest.raises(UndefinedError, match="body"):
        templates.from_string(PAGE).render(language="en")


def test_long_names_may_break_and_cannot_be_markup():
    assert breakable("a_b/c<i>") == "a_<wbr>b/<wbr>c&lt;i&gt;"


def test_a_number_that_is_none_is_a_dash():
    assert number(0.25, ".0%") == "25%"
    assert number(float("nan"), ".0%") == number(float("inf"), ".0%") == NOTHING


def test_a_figure_stands_above_what_it_is(templates):
    numbers = templates.get_template("parts.html").module.numbers
    assert "<div><b>12</b>photos &lt;b&gt;</div>" in numbers({"photos <b>": "12"})


def test_a_photo_that_the_store_lacks_is_a_box(templates):
    parts = templates.get_template("parts.html").make_module({"text": partial(text, language="ko")})
    assert "사진 없음" in parts.photo("missing", {})
