"""Steps rest while nothing that they depend on has changed, and only then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel

from chajong import unchanged
from chajong.datasets import JSONDataset, OptionalDataset
from chajong.datasets.optional import Skipped
from chajong.runner import QuickStepsFirst
from chajong.unchanged import NOTES


class Settings(BaseModel):
    """Parameters of a step."""

    times: int = 1


def multiply(number, settings):
    return number * settings.times


class World:
    """Numbers that pass through steps: some are stored, others only handed on."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = Settings()
        self.done = []
        self.write("raw", 1)

    def write(self, name, value):
        JSONDataset(str(self.folder / f"{name}.json")).save(value)

    def read(self, name):
        return JSONDataset(str(self.folder / f"{name}.json")).load()

    def step(self, name, function, inputs, outputs):
        def run(*given):
            self.done.append(name)
            return function(*given)

        return Node(run, inputs=inputs, outputs=outputs, name=name)

    def pipeline(self):
        return Pipeline(
            [
                self.step("size", lambda raw: len(str(raw)), "raw", "size"),
                self.step("load", lambda raw: raw, "raw", "loaded"),
                self.step("multiply", multiply, ["loaded", "params:multiply"], "product"),
                self.step("report", lambda *given: [*given], ["size", "product"], "report"),
                self.step("page", str, "report", "page"),
            ]
        )

    def catalog(self):
        stored = {
            name: JSONDataset(str(self.folder / f"{name}.json"))
            for name in ("raw", "size", "product", "page", NOTES)
        }
        parameters = MemoryDataset(self.settings)
        in_memory = {name: MemoryDataset() for name in ("loaded", "report")}
        return DataCatalog({**stored, **in_memory, "params:multiply": parameters})

    def run(self):
        """Run what has to be run, and tell what was."""
        self.done.clear()
        QuickStepsFirst().run(self.pipeline(), self.catalog())
        return set(self.done)


ALL = {"size", "load", "multiply", "report", "page"}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    assert world.run() == ALL
    return world


def test_nothing_runs_where_nothing_changed(world, capsys):
    capsys.readouterr()
    assert world.run() == set()
    assert capsys.readouterr().out == "5 of 5 steps had nothing new to do.\n"


def test_a_setting_lets_its_step_and_those_after_it_run_and_what_they_read_in_memory(world, capsys):
    world.settings = Settings(times=3)
    capsys.readouterr()
    assert world.run() == {"load", "multiply", "report", "page"}
    assert capsys.readouterr().out == "1 of 5 steps had nothing new to do.\n"
    assert world.read("page") == "[1, 3]"


def test_what_gives_the_same_as_before_lets_others_rest(world):
    world.write("raw", 2)
    world.settings = Settings(times=0)
    world.run()
    world.write("raw", 3)
    assert world.run() == {"size", "load", "multiply"}


@pytest.mark.parametrize("lost", ["size", "product", "page"])
def test_what_was_removed_or_changed_by_others_is_made_again(world, lost):
    before = world.read(lost)
    (world.folder / f"{lost}.json").unlink()
    world.run()
    assert world.read(lost) == before
    world.write(lost, 7)
    world.run()
    assert world.read(lost) == before


def test_other_code_and_another_device_let_all_run(world, monkeypatch):
    monkeypatch.setattr(unchanged, "_here", lambda: ["another"])
    assert world.run() == ALL


def test_what_a_step_is_told_besides_its_inputs_counts(world, monkeypatch):
    pipeline = world.pipeline()

    def told(names):
        for node in pipeline.nodes:
            node.func.known = names
        world.done.clear()
        QuickStepsFirst().run(pipeline, world.catalog())
        return set(world.done)

    assert told(("a",)) == ALL
    assert told(("a",)) == set()
    assert told(("b",)) == ALL


def test_damaged_notes_let_all_run(world):
    (world.folder / f"{NOTES}.json").write_text("{")
    assert world.run() == ALL


def test_an_interrupted_step_runs_again_and_those_before_it_do_not(world, monkeypatch):
    world.settings = Settings(times=2)

    class StopError(Exception):
        pass

    def stop(*_):
        raise StopError

    monkeypatch.setattr(JSONDataset, "write", stop)
    with pytest.raises(Exception, match="Failed while saving"):
        world.run()
    monkeypatch.undo()
    assert world.run() == {"load", "multiply", "report", "page"}


def test_what_cannot_be_told_by_its_content_is_read_every_time(world):
    catalog = world.catalog()
    catalog["raw"] = MemoryDataset(1)
    world.done.clear()
    QuickStepsFirst().run(world.pipeline(), catalog)
    assert {"size", "load", "multiply"} <= set(world.done)


def test_what_may_be_more_the_next_time_is_made_again_and_rests_where_it_is_not(world, monkeypatch):
    monkeypatch.setattr(
        JSONDataset, "is_provisional", lambda self: "product" in str(self.filepath), raising=False
    )
    (world.folder / f"{NOTES}.json").unlink()
    world.run()
    assert world.run() == {"load", "multiply"}


def test_an_output_that_is_left_out_rests_too(tmp_path):
    done = []

    def leave_out(raw):
        done.append(raw)
        return Skipped()

    JSONDataset(str(tmp_path / "raw.json")).save(1)
    pipeline = Pipeline([Node(leave_out, inputs="raw", outputs="maybe", name="leave_out")])
    for _ in range(2):
        optional = {
            "type": "chajong.datasets.JSONDataset",
            "filepath": str(tmp_path / "maybe.json"),
        }
        datasets = {name: JSONDataset(str(tmp_path / f"{name}.json")) for name in ("raw", NOTES)}
        catalog = DataCatalog({**datasets, "maybe": OptionalDataset(optional)})
        QuickStepsFirst().run(pipeline, catalog)
    assert done == [1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=4))
def test_results_are_those_of_a_run_of_everything(tmp_path_factory, changes):
    world = World(tmp_path_factory.mktemp("world"))
    for raw, times in changes:
        world.write("raw", raw)
        world.settings = Settings(times=times)
        world.run()
        assert world.read("page") == str([len(str(raw)), raw * times])
