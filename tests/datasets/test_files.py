"""Datasets that keep one file, one folder or nothing, each through what a user sees of it."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from kedro.io import DatasetError, Version

from chajong.datasets import (
    CheckpointDataset,
    FeaturesDataset,
    PhotoFolderDataset,
    PhotoStoreDataset,
    PredictionsDataset,
    ScratchDataset,
    SubmissionDataset,
    TableFolderDataset,
)
from chajong.encoders.features import Features
from chajong.members.checkpoint import Checkpoint
from chajong.photos.store import PhotoStore
from chajong.predictions.contract import Predictions


def test_features_come_back(tmp_path):
    dataset = FeaturesDataset(str(tmp_path / "deep" / "features.arrow"))
    assert not dataset.exists()
    dataset.save(Features(("a",), np.ones((1, 3), np.float16), encoder="e", content="c"))
    assert dataset.load().matrix.tolist() == [[1, 1, 1]]


def test_predictions_come_back_with_their_contract(tmp_path):
    rows = pd.DataFrame(
        {"photo_id": ["a"], "split": ["train"], "fold": [0], "label_counts": [True]}
    )
    values = np.log(np.array([[0.25, 0.75]], np.float32))
    dataset = PredictionsDataset(str(tmp_path / "deep" / "predictions.parquet"))
    dataset.save(Predictions(rows, values, ("x", "차"), contract="hash"))
    again = dataset.load()
    assert (again.contract, again.class_names) == ("hash", ("x", "차"))
    np.testing.assert_array_equal(again.log_probabilities, values)


def test_a_photo_store_comes_back(tmp_path):
    table = pa.table({"sha256": ["k"], "jpeg": pa.array([b"photo"], pa.large_binary())})
    dataset = PhotoStoreDataset(str(tmp_path / "deep" / "store.arrow"))
    dataset.save(PhotoStore(table))
    assert dataset.load().jpeg("k") == b"photo"


def test_a_submission_comes_back_digit_for_digit(tmp_path):
    dataset = SubmissionDataset(str(tmp_path / "deep" / "submission.csv"))
    frame = pd.DataFrame({"ID": ["007"], "차": [1 / 3], "x": [2 / 3]})
    dataset.save(frame)
    pd.testing.assert_frame_equal(dataset.load(), frame, check_exact=True)


def test_a_checkpoint_is_a_directory_a_version(tmp_path):
    versions = ["2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"]
    for number, version in enumerate(versions):
        checkpoint = Checkpoint({"weight": torch.full((2,), float(number))}, {"이름": number})
        CheckpointDataset(str(tmp_path / "checkpoint"), Version(None, version)).save(checkpoint)
    latest = CheckpointDataset(str(tmp_path / "checkpoint"), Version(None, None)).load()
    first = CheckpointDataset(str(tmp_path / "checkpoint"), Version(versions[0], None)).load()
    assert latest.configuration == {"이름": 1}
    assert first.tensors["weight"].tolist() == [0, 0]


@pytest.mark.parametrize("cut", [None, 100])
@pytest.mark.parametrize("part", ["weights.safetensors", "configuration.json", "manifest.json"])
def test_a_partial_newest_checkpoint_does_not_hide_the_whole_one_before(
    tmp_path, part, cut, caplog
):
    for number, version in enumerate(("2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z")):
        checkpoint = Checkpoint({"weight": torch.zeros(99)}, {"number": number, "text": "a" * 200})
        CheckpointDataset(str(tmp_path / "[1] a"), Version(None, version)).save(checkpoint)
    file = tmp_path / "[1] a" / version / "[1] a" / part
    content = file.read_bytes()
    file.unlink()
    if cut:
        file.write_bytes(content[:cut])
    read = CheckpointDataset(str(tmp_path / "[1] a"), Version(None, None)).load()
    assert read.configuration["number"] == 0
    assert f"{version}/[1] a is not complete" in caplog.text


def test_a_checkpoint_that_was_never_saved_does_not_exist(tmp_path):
    assert not CheckpointDataset(str(tmp_path / "checkpoint"), Version(None, None)).exists()


def test_a_table_folder_holds_csv_and_parquet_by_name(tmp_path):
    frame = pd.DataFrame({"photo_id": ["a"], "차": [0.5]})
    frame.to_csv(tmp_path / "b.csv", index=False, encoding="utf-8-sig")
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "c.CSV", index=False)
    frame.to_csv(tmp_path / "d.tsv.gz", index=False, sep="\t", encoding="cp949")
    for left in (".~lock.b.csv#", "._b.csv", "Thumbs.db"):
        (tmp_path / left).write_bytes(b"\0\5")
    tables = TableFolderDataset(str(tmp_path)).load()
    assert list(tables) == ["a.parquet", "b.csv", "c.CSV", "d.tsv.gz"]
    for table in tables.values():
        pd.testing.assert_frame_equal(table, frame, check_dtype=False)


@pytest.mark.parametrize("name", ["notes.txt", "team.xlsx", "older"])
def test_what_is_no_table_is_refused_by_name(tmp_path, name):
    (tmp_path / name).mkdir() if name == "older" else (tmp_path / name).write_text("no table")
    with pytest.raises(DatasetError, match=f"{name} is no table of a known kind"):
        TableFolderDataset(str(tmp_path)).load()


def test_a_photo_folder_is_scanned_once_a_run(tmp_path):
    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).write_bytes(b"")
    dataset = PhotoFolderDataset(str(tmp_path), str(tmp_path))
    before = dataset.load()
    (tmp_path / "train" / "a" / "2.jpg").write_bytes(b"")
    assert dataset.load() is before
    dataset.release()
    assert len(dataset.load().listing) == 3


def test_a_table_folder_that_is_absent_holds_nothing(tmp_path):
    assert TableFolderDataset(str(tmp_path / "nothing")).load() == {}


def test_a_scratch_folder_is_made_when_it_is_needed(tmp_path):
    assert ScratchDataset(str(tmp_path / "deep" / "scratch")).load().is_dir()


def test_a_missing_photo_folder_is_named_with_the_fix(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere(.|\n)*raw_dir"):
        PhotoFolderDataset(str(tmp_path / "nowhere"), str(tmp_path)).load()


@pytest.mark.parametrize(
    "read_only",
    [partial(PhotoFolderDataset, fetched="fetched"), ScratchDataset, TableFolderDataset],
)
def test_inputs_refuse_to_be_saved(read_only, tmp_path):
    with pytest.raises(DatasetError):
        read_only(str(tmp_path)).save(1)
