"""What the container allows, and that it is known before torch is."""

import os
import subprocess
import sys

import pytest

from chajong import threads


@pytest.fixture
def limits(tmp_path):
    """Read the limits of made-up groups."""

    def read(own, **files):
        for name, text in files.items():
            file = tmp_path / "cgroup" / name.replace("__", "/").replace("cpu_max", "cpu.max")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / "own").write_text(own)
        return sorted(threads._limits(tmp_path / "cgroup", tmp_path / "own"))

    return read


def test_limits_of_the_own_group_and_of_those_around_it_count(limits):
    given = {
        "cpu_max": "max 100000\n",
        "a__cpu_max": "250000 100000\n",
        "a__b__cpu_max": "400000 100000",
    }
    assert limits("0::/a/b\n", **given) == [2.5, 4.0]


def test_a_container_sees_its_limit_at_the_top(limits):
    assert limits("0::/\n", cpu_max="150000 100000\n") == [1.5]
    assert limits("0::/kubepods/pod\n", cpu_max="150000 100000\n") == [1.5]


@pytest.mark.parametrize(("quota", "found"), [("-1", []), ("50000", [0.5])])
def test_older_groups_say_it_in_two_files(limits, quota, found):
    files = {"cpu__cpu.cfs_quota_us": quota, "cpu__cpu.cfs_period_us": "100000"}
    assert limits("3:cpu,cpuacct:/\n", **files) == found


def test_a_system_without_groups_has_no_limit(tmp_path):
    assert not list(threads._limits(tmp_path / "none", tmp_path / "none"))


@pytest.mark.parametrize(("limit", "count"), [([], 64), ([0.5], 1), ([2.5, 8.0], 3), ([80.0], 64)])
def test_the_tightest_limit_counts(monkeypatch, limit, count):
    monkeypatch.setattr(threads, "_limits", lambda *places: iter(limit))
    monkeypatch.setattr(threads, "allowed_by_the_system", lambda: 64)
    assert threads.processors.__wrapped__() == count


@pytest.mark.parametrize(("allowed", "number"), [(64, "3"), (3, None)])
def test_a_number_of_threads_is_set_only_where_the_system_would_take_more(
    monkeypatch, allowed, number
):
    monkeypatch.setattr(threads, "processors", lambda: 3)
    monkeypatch.setattr(threads, "allowed_by_the_system", lambda: allowed)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    threads.share_processors()
    assert os.environ.pop("OMP_NUM_THREADS", None) == number
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"  # what a person set stands


def test_threads_are_set_up_by_the_import_of_the_package():
    program = (
        "import os, sys, chajong; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.split() == ["PASSIVE", "False"]
