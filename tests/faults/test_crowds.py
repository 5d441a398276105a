"""Two runs at once, disks that fill up, photos that change, and clocks that go back."""

import random
import shutil
import subprocess
import threading
import time

import numpy as np
import pandas as pd
import pytest
from runs import Runner, results_of

from chajong.predictions.contract import ROW_COLUMNS

NOT_LOCKED = {"unlocked": True}


@pytest.fixture(scope="module")
def second_runner():
    program = Runner()
    yield program
    program.close()


def test_of_two_runs_in_one_folder_one_is_refused(runner, second_runner, raw, tmp_path, reference):
    data = tmp_path / "data"
    for each in (runner, second_runner):
        each.start(raw, data, trained=True)
    ended = [each.end() for each in (runner, second_runner)]
    assert sorted(each["status"] for each in ended) == [0, 1]
    told = next(each["error"] for each in ended if each["status"])
    assert told.startswith(f"Another run is writing to {data} since 20")
    assert results_of(data) == reference


def test_runs_on_a_system_without_locks_leave_no_poison(
    runner, second_runner, raw, tmp_path, reference, tries
):
    """Either run may fail; whatever happens, the next one gives the same results."""
    chosen = random.Random(7)
    for number in range(tries):
        data = tmp_path / f"data{number}"
        for each in (runner, second_runner):
            each.start(raw, data, trained=True, **NOT_LOCKED)
            time.sleep(chosen.uniform(0, 2))
        for each in (runner, second_runner):
            each.end()
        ended = runner.run(raw, data, trained=True)
        assert ended["status"] == 0, ended["error"]
        assert results_of(data) == reference
        shutil.rmtree(data)


@pytest.mark.parametrize("megabytes", [0.5, 6])
def test_a_full_disk_is_told_with_its_folder_and_what_is_missing(
    megabytes, runner, raw, tmp_path, reference
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "chajong", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    try:
        ended = runner.run(raw, disk, trained=True)
        if ended["status"]:
            told = ended["error"]
            assert f"The disk of {disk}" in told, told
            assert "MB are free" in told
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        ended = runner.run(raw, disk, trained=True)
        assert ended["status"] == 0, ended["error"]
        assert results_of(disk) == reference
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_photos_that_change_during_a_run_keep_their_rows(runner, raw, whole, tmp_path, tries):
    reference_photos = pd.read_parquet(whole / "03_primary" / "photos.parquet")
    chosen = random.Random(8)
    for number in range(tries):
        photos = shutil.copytree(raw, tmp_path / f"raw{number}")
        files = sorted((photos / "train").rglob("*.jpg"))
        runner.start(photos, tmp_path / f"data{number}")
        stop = threading.Event()

        def disturb(files=files, stop=stop):
            while not stop.wait(0.05):
                shutil.copy(chosen.choice(sorted(raw.rglob("*.jpg"))), chosen.choice(files))

        thread = threading.Thread(target=disturb)
        thread.start()
        ended = runner.end()
        stop.set()
        thread.join()
        assert ended["status"] == 0, ended["error"]
        photos_of_run = pd.read_parquet(tmp_path / f"data{number}" / "03_primary/photos.parquet")
        assert len(photos_of_run) == len(reference_photos)


def test_photos_that_vanish_stop_a_run_which_names_one(runner, raw, tmp_path):
    photos = shutil.copytree(raw, tmp_path / "raw")
    runner.start(photos, tmp_path / "data")
    while not (tmp_path / "data" / "02_intermediate" / "reviewed_listing.parquet").exists():
        time.sleep(0.001)
    shutil.rmtree(photos / "train")
    ended = runner.end()
    told = ended["error"].splitlines()[0] if ended["status"] else "cannot be read, train/"
    assert "cannot be read" in told
    assert "train/" in told


def test_a_clock_that_was_set_back(runner, raw, copied, reference):
    for folder in (copied / "06_models").glob("*/*/"):
        if folder.name.startswith("20"):
            folder.rename(folder.with_name("2099" + folder.name[4:]))
    for folder in (copied / "06_models").glob("*/checkpoint/*/"):
        folder.rename(folder.with_name("2099" + folder.name[4:]))
    before = {folder.name for folder in (copied / "06_models" / "hog" / "checkpoint").iterdir()}
    (copied / "02_intermediate" / "finished_steps.json").unlink()  # so that all steps run
    ended = runner.run(raw, copied, trained=True)
    assert ended["status"] == 0, ended["error"]
    after = {folder.name for folder in (copied / "06_models" / "hog" / "checkpoint").iterdir()}
    assert max(after - before) > max(before)
    assert results_of(copied) == reference


def test_results_do_not_depend_on_the_folder_or_the_order_of_files(
    runner, raw, tmp_path, reference
):
    photos = tmp_path / "다른 곳" / "raw"
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    random.Random(9).shuffle(files)
    for file in files:
        target = photos / file.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    data = tmp_path / "[2025] 결과=1"
    ended = runner.run(photos, data, trained=True)
    assert ended["status"] == 0, ended["error"]
    assert results_of(data) == reference


def test_two_threads_move_answers_by_rounding_alone(raw, whole, tmp_path):
    program = Runner(threads=2)
    ended = program.run(raw, tmp_path / "data", trained=True)
    program.close()
    assert ended["status"] == 0, ended["error"]
    for member in ("hog", "byob", "ensemble"):
        file = f"07_model_output/{member}/predictions.parquet"
        one, two = (pd.read_parquet(data / file) for data in (whole, tmp_path / "data"))
        names = [column for column in one if column not in ROW_COLUMNS]
        difference = float((np.exp(one[names]) - np.exp(two[names])).abs().max(axis=None))
        print(f"{member}: one and two threads differ by {difference:.2g} in a probability")
        assert difference < 1e-3
