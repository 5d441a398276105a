import pytest
from pydantic import ValidationError

from chajong.members.vlm.templates import ENGLISH, KOREAN, PromptTemplate

GOOD = {"with_hints": "{hints}. 차종은?", "without_hints": "차종은?", "hint": "{name}: {percent}"}


def refused(**changes):
    with pytest.raises(ValidationError) as caught:
        PromptTemplate(**GOOD | changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "text", "unknown", "allowed"),
    [
        ("with_hints", "{hints} {photo}", "{photo}", "{hints}"),
        ("without_hints", "{hints}", "{hints}", "none"),
        ("hint", "{name} {share}", "{share}", "{name}, {percent}"),
        ("hint", "{name} {}", "{}", "{name}, {percent}"),
        ("hint", "{name[0]}", "{name[0]}", "{name}, {percent}"),
    ],
)
def test_an_unknown_field_is_named_with_those_that_there_are(field, text, unknown, allowed):
    message = refused(**{field: text})
    assert f"unknown field {unknown}; the fields of `{field}` are: {allowed} [" in message


@pytest.mark.parametrize(
    ("field", "text", "lacking"),
    [("with_hints", "차종은?", "{hints}"), ("hint", "{percent} %", "{name}")],
)
def test_a_question_without_its_field_is_refused(field, text, lacking):
    assert f"{text!r} lacks the field {lacking}" in refused(**{field: text})


@pytest.mark.parametrize("field", ["with_hints", "without_hints", "hint"])
@pytest.mark.parametrize("text", ["{hints", "name}"])
def test_broken_braces_are_shown(field, text):
    assert f"{text!r} cannot be read as a template" in refused(**{field: text})


def test_a_hint_need_not_tell_the_percentage():
    assert PromptTemplate(**GOOD | {"hint": "{name}"}).hint == "{name}"


@pytest.mark.parametrize("template", [KOREAN, ENGLISH])
def test_the_own_templates_keep_to_the_rules(template):
    again = PromptTemplate(**template.model_dump())
    assert "ABC" in again.with_hints.format(hints="ABC")
    assert again.with_hints.endswith(again.without_hints)


@pytest.mark.parametrize("hint", ["{name} {percent:zz}", "{name!q}"])
def test_a_format_that_does_not_exist_is_refused(hint):
    with pytest.raises(ValidationError, match="cannot be read as a template"):
        PromptTemplate(with_hints="{hints} What car?", without_hints="What car?", hint=hint)
