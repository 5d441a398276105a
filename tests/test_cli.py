"""What is typed after --params is what a run gets."""

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from chajong.cli import answering, cli, typed_parameters
from chajong.members.configuration import MemberError
from chajong.parameters import TEXT_SETTINGS


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
        (
            "a.b=[x,[1,2]],c={d: 1,e: 2},f=3",
            {"a": {"b": ["x", [1, 2]]}, "c": {"d": 1, "e": 2}, "f": 3},
        ),
        ("data_dir=[a,seed=7", {"data_dir": "[a", "seed": 7}),
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


@given(st.lists(st.one_of(st.integers(), st.lists(st.sampled_from(["a", "b"])))))
def test_a_list_is_one_parameter(values):
    assert read(f"hog.x={str(values).replace(chr(39), '')},seed=1") == {
        "hog": {"x": values},
        "seed": 1,
    }


def typed(*options):
    return CliRunner().invoke(cli.commands["run"], options)


@pytest.mark.parametrize(
    ("runner", "told"),
    [
        ("Parallel", "no such runner. Kedro has SequentialRunner, ParallelRunner and ThreadRunner"),
        ("AbstractRunner", "there is no such runner"),
        ("os.system", "there is no such runner"),
        ("nosuch.Runner", "there is no such runner"),
        ("ParallelRunner", "cannot be handed to other processes. Leave --runner away"),
        ("kedro.runner.ThreadRunner", "ThreadRunner cannot run these pipelines"),
    ],
)
def test_a_runner_that_cannot_run_is_refused_before_anything_is_read(runner, told):
    done = typed("--runner", runner)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize("text", ["", "run: [\n", "pipelines: [search]", "run: search", "- run"])
def test_a_file_without_options_is_told_with_what_it_should_hold(text, tmp_path):
    file = tmp_path / "options.yml"
    file.write_text(text)
    done = typed("--config", str(file))
    assert done.exit_code == 2
    assert f"{file} holds no options of `kedro run`. Write `run:`" in done.output


def test_what_kedro_says_of_an_option_is_an_answer(tmp_path):
    file = tmp_path / "options.yml"
    file.write_text("run:\n  pipelinez: [search]")
    assert "Error: Key `pipelinez`" in typed("--config", str(file)).output
    assert "Error: Expected the form" in typed("--load-versions", "photos").output


class TestAnswers:
    def run(self, error, *, traceback=False):
        def command():
            raise RuntimeError("dataset") from error

        answering(command)(traceback=traceback)

    def test_a_slip_is_told_wherever_it_was_raised(self):
        with pytest.raises(click.ClickException) as caught:
            self.run(MemberError("There is no hogg."))
        assert caught.value.format_message() == "There is no hogg."

    def test_its_traceback_is_shown_when_asked_for(self):
        with pytest.raises(RuntimeError, match="dataset"):
            self.run(MemberError("There is no hogg."), traceback=True)

    def test_a_bug_keeps_its_traceback(self, monkeypatch):
        for each in ("unknown_setting", "unknown_name", "nothing_chosen"):
            monkeypatch.setattr(f"chajong.cli.{each}", lambda options: None)
        with pytest.raises(RuntimeError, match="dataset"):
            self.run(KeyError("x"))
