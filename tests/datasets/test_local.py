"""Versions that are read as they were written, and files that are whole."""

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError, Version

from chajong.datasets import CheckpointDataset, JSONDataset
from chajong.members.checkpoint import Checkpoint

LATER = "2031-01-01T00.00.00.000Z"


def versioned(folder, version=None):
    return JSONDataset(str(folder / "[2025] 결과" / "a.json"), Version(None, version))


@settings(max_examples=30)
@given(st.lists(st.datetimes(), min_size=1, max_size=6))
def test_the_latest_is_what_was_written_last_whatever_the_clock_said(tmp_path_factory, times):
    folder = tmp_path_factory.mktemp("versions")
    for number, time in enumerate(times):
        name = time.isoformat(timespec="milliseconds").replace(":", ".") + "Z"
        if not (folder / "[2025] 결과" / "a.json" / name).exists():
            versioned(folder, name).save(number)
            assert versioned(folder).load() == number


def test_a_run_reads_what_it_wrote_though_the_clock_was_set_back(tmp_path):
    versioned(tmp_path, LATER).save("before")
    run = versioned(tmp_path, "2026-01-01T00.00.00.000Z")
    run.save("after")
    assert run.load() == versioned(tmp_path).load() == "after"
    assert versioned(tmp_path).list_versions(full_path=False)[0] == "2031-01-01T00.00.00.001Z"


def test_a_copy_with_a_name_of_a_persons_own_is_older_than_the_next_version(tmp_path):
    versioned(tmp_path, f"{LATER} (copy)").save("copy")
    versioned(tmp_path).save("new")
    assert versioned(tmp_path).load() == "new"


def test_a_version_is_not_written_over(tmp_path):
    versioned(tmp_path, LATER).save(1)
    with pytest.raises(DatasetError, match="must not exist"):
        versioned(tmp_path, LATER).save(2)


def test_damage_is_told_with_the_file(tmp_path):
    dataset = JSONDataset(str(tmp_path / "숫자.json"))
    dataset.save({"a": 1})
    (tmp_path / "숫자.json").write_text('{"a": 2}')
    with pytest.raises(DatasetError, match=r"숫자\.json is damaged"):
        dataset.load()


class TestKeep:
    def saved(self, folder, times, keep, load=None):
        """Save a number of versions, and list what is left of them."""
        for time in times:
            path = str(folder / "a.json")
            JSONDataset(path, Version(load, time), keep=keep).save(time)
        return sorted(path.name for path in (folder / "a.json").iterdir())

    @settings(max_examples=20)
    @given(st.integers(1, 9), st.integers(1, 4))
    def test_the_latest_versions_stay(self, tmp_path_factory, count, keep):
        times = [f"2026-01-0{day + 1}T00.00.00.000Z" for day in range(count)]
        folder = tmp_path_factory.mktemp("versions")
        assert self.saved(folder, times, keep) == times[-keep:]

    def test_all_stay_where_nothing_is_said(self, tmp_path):
        times = [f"2026-01-0{day}T00.00.00.000Z" for day in range(1, 6)]
        assert self.saved(tmp_path, times, None) == times

    def test_what_a_person_named_and_what_is_loaded_by_its_name_stay(self, tmp_path):
        times = [f"2026-01-0{day}T00.00.00.000Z" for day in range(1, 4)]
        named = ["2026 the best", "2026-01-01T00.00.00.000Z (copy)"]
        for name in named:
            (tmp_path / "a.json" / name).mkdir(parents=True)
        left = self.saved(tmp_path, times, 1, load=times[0])
        assert left == sorted([*named, times[0], times[2]])

    def test_a_version_that_cannot_be_removed_is_named_and_stops_nothing(
        self, tmp_path, monkeypatch, caplog
    ):
        def refuse(path, *_, **__):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(shutil, "rmtree", refuse)
        times = [f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2)]
        assert self.saved(tmp_path, times, 1) == times
        assert f"{times[0]} could not be removed" in caplog.text
        assert "remove it by hand" in caplog.text

    def test_a_version_that_equals_one_before_takes_no_room(self, tmp_path):
        checkpoint = Checkpoint({"fold_0.weight": torch.zeros(1 << 16)}, {})
        for day in (1, 2):
            version = Version(None, f"2026-01-0{day}T00.00.00.000Z")
            CheckpointDataset(str(tmp_path / "c"), version, keep=2).save(checkpoint)
        files = [path.stat() for path in tmp_path.rglob("fold_0.safetensors")]
        assert len(files) == 2
        assert len({file.st_ino for file in files}) == 1
