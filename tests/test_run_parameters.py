"""Parameters that nobody reads are refused, at whatever depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from chajong.members.configuration import NO_MEMBERS, SHARED
from chajong.parameters import ParameterError
from chajong.run_parameters import RunParameters, check_parameters

GLOBALS = {"seed": 1, "raw_dir": "photos", "data_dir": "data"}


def places(model, place=()):
    """Give the places of all models inside a model."""
    yield place
    for name, field in model.model_fields.items():
        if is_model(field.annotation):
            yield from places(field.annotation, (*place, name))


def is_model(annotation):
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def nested(place, value):
    for name in reversed(place):
        value = {name: value}
    return value


BLOCKS = [place for place in places(RunParameters) if place]


def test_what_describes_no_member_is_what_the_model_has():
    assert {*RunParameters.model_fields, SHARED} == set(NO_MEMBERS)


def test_models_inside_of_models_are_found():
    assert ("data_processing", "store") in BLOCKS


@given(st.sampled_from(BLOCKS), st.from_regex(r"zz[a-z]{1,8}", fullmatch=True))
def test_an_unknown_setting_is_refused_by_its_place(place, name):
    with pytest.raises(ParameterError) as caught:
        check_parameters(GLOBALS, nested(place, {name: 1}), ())
    assert f"  {'.'.join(place)}.{name}: there is no such setting." in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    written = {"data_processing": {"folds": "five"}, "engine": {"kind": "rayy"}}
    with pytest.raises(ParameterError) as caught:
        check_parameters(GLOBALS, written, ())
    assert "data_processing.folds: " in str(caught.value)
    assert "(given: 'five')" in str(caught.value)
    assert "engine.kind: Input should be 'local' or 'ray' (given: 'rayy')." in str(caught.value)


def test_the_command_line_says_what_parameters_yml_may_not():
    check_parameters(GLOBALS, {"raw_dir": "photos"}, {"raw_dir"})
    with pytest.raises(ParameterError, match=r"raw_dir in parameters\.yml would be read by nobody"):
        check_parameters(GLOBALS, {"raw_dir": "photos"}, ())
