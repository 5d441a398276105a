"""One run at a time in a folder, and nothing left of killed ones."""

import subprocess
import sys

import pytest

from chajong.data_folder import OccupiedError, occupy

HOLDS = """
import sys
from pathlib import Path
from chajong.data_folder import occupy
lock = occupy(Path(sys.argv[1]))
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_run(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "데이터")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "has it\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_until_the_first_is_gone(another_run, tmp_path):
    told = rf"데이터 since 20\d\d-.* \(process {another_run.pid} on .*: -c .*data_dir=<folder>"
    with pytest.raises(OccupiedError, match=told):
        occupy(tmp_path / "데이터")
    another_run.kill()
    another_run.wait()
    occupy(tmp_path / "데이터").release()


def test_another_folder_is_free(another_run, tmp_path):
    occupy(tmp_path / "other").release()


def test_what_killed_runs_left_is_removed_or_put_back(tmp_path):
    (tmp_path / "03" / "photos.parquet.unfinished-0123abcd").parent.mkdir()
    (tmp_path / "03" / "photos.parquet.unfinished-0123abcd").touch()
    (tmp_path / "06" / "index.unfinished-0123abcd").mkdir(parents=True)
    (tmp_path / "06" / "index.unfinished-0123abcd" / "half").touch()
    (tmp_path / "06" / "색인.replaced-0123abcd").mkdir()
    (tmp_path / "06" / "mine.unfinished").mkdir()
    occupy(tmp_path).release()
    left = sorted(
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if not path.name.startswith(".")
    )
    assert left == ["03", "06", "06/mine.unfinished", "06/색인"]
