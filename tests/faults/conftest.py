"""Runs that are killed, damaged, crowded or starved, and a reference that nothing happened to.

`CHAJONG_FAULTS` says how many kills, flips or inputs are tried; a test run tries a few.
"""

import os
import shutil

import pytest
from runs import Runner, results_of


@pytest.fixture(scope="session")
def tries():
    """How often the harness tries each thing."""
    return int(os.environ.get("CHAJONG_FAULTS", "1"))


@pytest.fixture(scope="session")
def runner():
    program = Runner()
    yield program
    program.close()


@pytest.fixture(scope="session")
def raw(tmp_path_factory):
    """Five car models with oddities, in the challenge's layout."""
    from tools.rendered_cars.sample_names import sample_names
    from tools.rendered_cars.write import write_rendered_photos

    folder = tmp_path_factory.mktemp("faults") / "raw"
    write_rendered_photos(
        folder,
        sample_names(5),
        train_per_class=10,
        test_per_class=2,
        seed=1,
        oddities=True,
        progress=False,
    )
    return folder


@pytest.fixture(scope="session")
def whole(raw, runner, tmp_path_factory):
    """The data folder of a finished run, to be looked at and never changed."""
    data = tmp_path_factory.mktemp("whole") / "data"
    ended = runner.run(raw, data, trained=True)
    assert ended["status"] == 0, ended["error"]
    return data


@pytest.fixture(scope="session")
def reference(whole):
    """What the finished run computed."""
    return results_of(whole)


@pytest.fixture
def copied(whole, tmp_path):
    """A copy of the finished run's folder, to be changed."""
    return shutil.copytree(whole, tmp_path / "data")
