"""What is typed after --params is what a run gets."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.cli import typed_parameters
from chajong.members.configuration import TEXT_SETTINGS


def read(text):
    return typed_parameters(click.Context(click.Command("run")), None, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("raw_dir=/cars #2", {"raw_dir": "/cars #2"}),
        ("raw_dir=007", {"raw_dir": "007"}),
        ("data_dir=2025_05_19,seed=7", {"data_dir": "2025_05_19", "seed": 7}),
        ("data_dir=[2025] results", {"data_dir": "[2025] results"}),
        ("photos_dir=true", {"photos_dir": "true"}),
        (r"group_pattern=^(\d+)_\w+\.jpg$", {"group_pattern": r"^(\d+)_\w+\.jpg$"}),
        ("group_pattern=12,group_minutes=2.5", {"group_pattern": "12", "group_minutes": 2.5}),
        ("train_table=null", {"train_table": None}),
        ("clip.weights=/weights #1.safetensors", {"clip": {"weights": "/weights #1.safetensors"}}),
        ("hog.name=007", {"hog": {"name": "007"}}),
        ("hog=null,clip.training.epochs=3", {"hog": None, "clip": {"training": {"epochs": 3}}}),
        ("a.rate=1e-3,a.on=true,a.list=[1]", {"a": {"rate": 1e-3, "on": True, "list": [1]}}),
        ("a='007'", {"a": "007"}),
        ("", {}),
    ],
)
def test_parameters_are_read_as_they_were_typed(text, value):
    assert read(text) == value


@given(name=st.sampled_from(sorted(TEXT_SETTINGS)), text=st.text("a0#:_~ {}[]/차.-", min_size=1))
def test_a_path_stays_as_it_is(name, text):
    typed = text.strip()
    if typed and typed not in ("~", "''") and not typed.startswith(("'", '"')):
        assert read(f"{name}={typed}") == {name: typed}


@pytest.mark.parametrize("text", ["raw_dir", "=x", "a=1,b"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(click.UsageError, match="name=value"):
        read(text)
