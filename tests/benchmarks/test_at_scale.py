import dataclasses
import json
import threading

import numpy as np
import pytest
from PIL import Image

from benchmarks.at_scale import (
    REST,
    SIZE,
    START_UP,
    Meter,
    Run,
    Step,
    enlarge,
    per_photo,
    read_run,
    rendered,
    split,
    table,
    together,
)


def run(photos, **steps):
    return Run(photos, {START_UP: Step(9.0, 5.0, 300.0, 200.0), **steps}, 1.5, {"04_feature": 10.0})


def test_photos_of_a_name_are_split_so_that_none_is_lost():
    assert split(8) == (7, 1)
    assert split(84) == (73, 11)


def test_times_add_up_and_the_highest_peak_counts():
    steps = [Step(1.0, 2.0, 300.0, 50.0), Step(3.0, 1.0, 200.0, 90.0)]
    assert together(steps) == Step(4.0, 3.0, 300.0, 90.0)


def test_a_cost_that_grows_with_the_square_is_told():
    few, many = run(100), run(1000)
    assert per_photo(2.0, 20.0, few, many) == pytest.approx(1.0)
    assert per_photo(2.0, 200.0, few, many) == pytest.approx(10.0)


def test_a_step_has_both_sizes_and_its_growth_in_one_row():
    few = run(100, fit=Step(2.0, 1.0, 400.0, 300.0))
    many = run(1000, fit=Step(30.0, 20.0, 900.0, 800.0))
    lines = table(few, many).splitlines()
    assert "| fit | 2.0 | 1.0 | 400 | 300 | 30.0 | 20.0 | 900 | 800 | 2.00 |" in lines
    assert "| **all** | 11.0 | 6.0 | 400 | 300 | 39.0 | 25.0 | 900 | 800 | 0.42 |" in lines
    assert "| 04_feature | 10.0 | 10.0 | 0.10 |" in lines


def test_the_shortest_steps_share_a_row():
    steps = {f"step {number}": Step(1.0, 100.0 - number, 10.0, 5.0) for number in range(25)}
    text = table(run(100, **steps), run(1000, **steps))
    assert "| step 17 |" in text
    assert "| step 18 |" not in text
    assert f"| {REST} | 7.0 |" in text


def test_figures_are_read_as_they_were_written(tmp_path):
    told = run(100, fit=Step(2.0, 1.0, 400.0, 300.0))
    (tmp_path / "run.json").write_text(json.dumps(dataclasses.asdict(told)), encoding="utf-8")
    assert read_run(tmp_path / "run.json") == told


def test_memory_that_is_held_only_within_a_step_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.at_scale.SAMPLING_SECONDS", 0.001)
    meter = Meter(tmp_path / "steps.json")
    meter.note("before")
    held = np.ones(50_000_000)
    threading.Event().wait(0.1)
    del held
    meter.note("with")
    meter.note("after")
    peaks = {name: step.own for name, step in meter.steps().items()}
    assert peaks["with"] > peaks["before"] + 300
    assert peaks["with"] > peaks["after"] + 300


def test_steps_that_have_ended_are_written_down(tmp_path):
    meter = Meter(tmp_path / "steps.json")
    meter.note("read photos")
    meter.note("group photos")
    written = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    assert {name: Step(**step) for name, step in written.items()} == meter.steps()


def test_photos_are_rendered_once_and_as_large_as_the_challenges(tmp_path):
    place = rendered(tmp_path, 2, 3)
    photos = sorted(place.glob("t*/**/*.jpg"))
    assert len(photos) == 6
    assert {Image.open(path).size for path in photos} == {SIZE}
    photos[0].unlink()
    assert len(sorted(rendered(tmp_path, 2, 3).glob("t*/**/*.jpg"))) == 5


def test_an_enlarged_photo_shows_the_same(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (30, 20), (200, 30, 60)).save(path)
    enlarge(path)
    assert Image.open(path).size == SIZE
    assert np.abs(np.asarray(Image.open(path)).astype(int) - (200, 30, 60)).max() < 8
