"""Versions that are read as they were written, and files that are whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError, Version

from chajong.datasets import JSONDataset

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
