"""What a run tells on the terminal and in its log."""

import logging

import pytest

from chajong.run_log import LOG, SECONDS, StepTimes, failures, log_file, spoken

NAMES = ["data_processing.list_photos", "hog.extract", "join"]


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr("chajong.run_log.monotonic", lambda: Clock.now)
    return Clock


def run(folder, clock, names, seconds):
    times, told = StepTimes(folder, names), []
    for name, took in zip(names, seconds, strict=True):
        told.append(times.begin(name))
        clock.now += took
        times.end(name)
    times.keep()
    return told


def test_the_first_run_tells_steps_and_the_next_how_long_they_take(tmp_path, clock):
    assert run(tmp_path, clock, NAMES, [60, 600, 30]) == [
        "[1/3] data processing: list photos",
        "[2/3] hog: extract",
        "[3/3] join",
    ]
    assert run(tmp_path, clock, NAMES, [0, 0, 0]) == [
        "[1/3] data processing: list photos, up to 12 min left",
        "[2/3] hog: extract, up to 10 min left",
        "[3/3] join, up to 30 s left",
    ]


def test_results_that_were_kept_do_not_make_a_step_a_short_one(tmp_path, clock):
    for seconds in (600, 0):
        run(tmp_path, clock, ["hog.extract"], [seconds])
    assert run(tmp_path, clock, ["hog.extract"], [0]) == ["[1/1] hog: extract, up to 10 min left"]


def test_damaged_times_are_forgotten(tmp_path, clock):
    run(tmp_path, clock, ["join"], [30])
    (tmp_path / SECONDS).write_bytes(b'{"join": \xff')
    assert run(tmp_path, clock, ["join"], [30]) == ["[1/1] join"]


def test_a_time_is_told_only_where_all_steps_are_known(tmp_path, clock):
    run(tmp_path, clock, ["join"], [30])
    told = run(tmp_path, clock, ["hog.extract", "join"], [1, 1])
    assert told == ["[1/2] hog: extract", "[2/2] join, up to 30 s left"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")],
)
def test_times_are_said_as_people_do(seconds, said):
    assert spoken(seconds) == said


def test_all_that_is_logged_is_in_the_file_and_nothing_afterwards(tmp_path):
    with log_file(tmp_path):
        logging.getLogger("kedro.runner").warning("여섯")
        failures.error("The run has failed.", exc_info=ValueError("why"))
    logging.getLogger("kedro.runner").warning("later")
    text = (tmp_path / LOG).read_text("utf-8")
    assert "WARNING  kedro.runner: 여섯\n" in text
    assert "ValueError: why" in text
    assert "later" not in text
