"""The history of runs, read from what runs left behind."""

import logging

import pytest
from kedro.io import DatasetError, Version

from chajong.datasets import JSONDataset, MetricsHistoryDataset

FIRST, SECOND = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"


@pytest.fixture
def save(tmp_path):
    """Save figures as a run does."""

    def save(name, version, figures, file="metrics.json"):
        path = tmp_path / name / file
        JSONDataset(filepath=str(path), version=Version(None, version)).save(figures)
        return path / version / file

    return save


@pytest.fixture
def dataset(tmp_path):
    return MetricsHistoryDataset(str(tmp_path))


def test_every_version_of_every_name_is_read(save, dataset):
    save("외부", FIRST, {"log_loss": 0.7})
    save("외부", SECOND, {"log_loss": 0.5})
    save("ensemble", SECOND, {"log_loss": 0.4, "skipped": {"차": "왜"}}, file="report.json")
    history = dataset.load()
    assert history == {
        "ensemble": {SECOND: {"log_loss": 0.4, "skipped": {"차": "왜"}}},
        "외부": {FIRST: {"log_loss": 0.7}, SECOND: {"log_loss": 0.5}},
    }
    assert list(history) == ["ensemble", "외부"]
    assert list(history["외부"]) == [FIRST, SECOND]


def test_other_reports_are_no_history(save, dataset, tmp_path):
    save("clip", FIRST, {"log_loss": 0.7}, file="other.json")
    (tmp_path / "leaderboard.csv").write_text("member\n")
    assert dataset.load() == {}


@pytest.mark.parametrize("text", ["", '{"log_loss": 0.', "[1]", b"\xff\xfe".decode("latin-1")])
def test_a_half_written_file_is_named_and_left_out(save, dataset, caplog, text):
    whole = {"log_loss": 0.7}
    save("clip", FIRST, whole)
    broken = save("clip", SECOND, whole)
    broken.write_bytes(text.encode("latin-1"))
    with caplog.at_level(logging.WARNING):
        assert dataset.load() == {"clip": {FIRST: whole}}
    assert str(broken) in caplog.text


def test_an_absent_folder_has_no_history(tmp_path):
    assert MetricsHistoryDataset(str(tmp_path / "absent")).load() == {}


def test_a_history_cannot_be_saved(dataset):
    with pytest.raises(DatasetError, match="read-only"):
        dataset.save({})
