"""Runs that are killed at any file operation, or at any moment, end in the same results."""

import random
import shutil
import time

from runs import results_of


def rerun_gives_the_reference(runner, raw, data, reference):
    ended = runner.run(raw, data, trained=True)
    assert ended["status"] == 0, ended["error"]
    assert results_of(data) == reference


def test_a_run_killed_at_a_file_operation(runner, raw, reference, tmp_path, tries):
    chosen = random.Random(1)
    killed = 0
    for _ in range(tries):
        operation = chosen.randint(1, 900)
        data = tmp_path / "data"
        killed += runner.run(raw, data, trained=True, operation=operation)["status"] == -9
        rerun_gives_the_reference(runner, raw, data, reference)
        shutil.rmtree(data)
    print(f"{tries} crash points, {killed} runs killed by them")


def test_a_run_killed_at_any_moment(runner, raw, reference, tmp_path, tries):
    chosen = random.Random(2)
    started = time.perf_counter()
    assert runner.run(raw, tmp_path / "first", trained=True)["status"] == 0
    duration = time.perf_counter() - started
    killed = 0
    for _ in range(tries):
        data = tmp_path / "data"
        for _ in range(chosen.randint(1, 3)):
            ended = runner.run(raw, data, trained=True, seconds=chosen.uniform(0, duration))
            killed += ended["status"] == -9
        rerun_gives_the_reference(runner, raw, data, reference)
        shutil.rmtree(data)
    print(f"{killed} runs killed")


def test_single_pipelines_after_a_crash_say_what_is_missing(runner, raw, tmp_path, tries):
    chosen = random.Random(3)
    data = tmp_path / "data"
    for _ in range(tries):
        runner.run(raw, data, operation=chosen.randint(1, 400))
        for pipeline in ("feature_extraction", "ensembling", "reporting", "search", "inference"):
            ended = runner.run(raw, data, pipelines=(pipeline,))
            told = ended["error"].splitlines()[:12]
            assert ended["status"] == 0 or "kedro run" in " ".join(told), (pipeline, told)
        shutil.rmtree(data)
