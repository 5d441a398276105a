from dataclasses import replace

import pytest
import torch

from chajong.members.checkpoint import (
    Checkpoint,
    CheckpointError,
    check_class_names,
    read_checkpoint,
    write_checkpoint,
)

NAMES = ["쏘나타_2019_2023", "아반떼_2020_2022", "K5"]


@pytest.fixture
def checkpoint():
    scores = torch.log_softmax(torch.arange(6.0).view(2, 3), 1)
    return Checkpoint({"proof.fold_4": scores}, {"class_names": NAMES})


def test_what_was_written_is_read(checkpoint, tmp_path):
    write_checkpoint(checkpoint, tmp_path / "차종")
    read = read_checkpoint(tmp_path / "차종")
    assert read.configuration == checkpoint.configuration
    assert torch.equal(read.tensors["proof.fold_4"], checkpoint.tensors["proof.fold_4"])


def test_files_are_read_as_they_were_written_in_their_folders(checkpoint, tmp_path):
    files = {
        "processor/tokenizer.json": '{"차": 1}\r\n'.encode(),
        "processor/deeper/image.bin": bytes(range(256)),
        "카드.md": b"",
    }
    write_checkpoint(replace(checkpoint, files=files), tmp_path / "model")
    assert read_checkpoint(tmp_path / "model").files == files
    assert (tmp_path / "model/processor/deeper/image.bin").read_bytes() == bytes(range(256))


def test_a_checkpoint_without_files_has_none(checkpoint, tmp_path):
    write_checkpoint(checkpoint, tmp_path / "model")
    assert read_checkpoint(tmp_path / "model").files == {}


def test_the_same_classes_are_accepted(checkpoint):
    check_class_names(checkpoint, tuple(NAMES))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*NAMES, "레이"], r"knows 3 classes and this run has 4: '레이' is in one only"),
        (NAMES[:2], r"knows 3 classes and this run has 2: 'K5' is in one only"),
        (["그랜저", *NAMES[1:]], r"this run has 3: '쏘나타_2019_2023' is in one only"),
        (NAMES[::-1], r"this run has 3: their order differs"),
    ],
    ids=["one more", "one less", "another", "order"],
)
def test_other_classes_are_refused_with_the_difference(checkpoint, names, message):
    with pytest.raises(CheckpointError, match=message):
        check_class_names(checkpoint, names)
