"""Values are named by what they hold."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from chajong.content import content_key


@dataclass(frozen=True)
class Part:
    value: object


class Settings(BaseModel):
    value: int


class Others(BaseModel):
    value: int


DIFFERENT = (
    None, 0, 1, True, 1.0, "1", "차", [], [1], [[1]], {}, {"a": 1}, {"a": [1]}, {"b": 1},
    Settings(value=1), Settings(value=2), Others(value=1), Part(1), Part([1]),
)  # fmt: skip


def test_what_differs_has_another_key():
    keys = [content_key(value) for value in DIFFERENT]
    assert len(set(keys)) == len(DIFFERENT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@settings(max_examples=30)
@given(json_values, json_values)
def test_json_values_have_one_key_only_where_they_are_equal(first, second):
    written = [json.dumps(value, sort_keys=True) for value in (first, second)]
    assert (content_key(first) == content_key(second)) == (written[0] == written[1])


def test_what_is_not_known_has_no_key():
    with pytest.raises(TypeError, match="The content of a object is not known"):
        content_key({"a": [object()]})
