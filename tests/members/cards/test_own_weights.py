"""Weights that the project made itself, told by their content."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from chajong.inference.saved import read_ensemble
from chajong.members.cards.own_weights import made_here, own_weights

SHIPPED = Path(__file__).parents[3] / "data" / "06_models"
FILES = sorted(SHIPPED.glob("*/*.safetensors"))


@pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])
def test_what_is_shipped_is_in_the_table(file):
    content = file.read_bytes()
    row = f"{file.parent.name},{len(content)},{sha256(content).hexdigest()}"
    known = {",".join(map(str, each)) for each in own_weights().itertuples(index=False)}
    assert row in known, f"add this row to src/chajong/members/cards/own_weights.csv: {row}"


def test_two_models_are_shipped():
    assert {file.parent.name for file in FILES} == {"small_clip", "tiny_vlm"}


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(SHIPPED / "small_clip", tmp_path / "anything")


def test_a_copy_under_any_name_counts_as_folder_and_as_file(copied):
    assert made_here(str(copied))
    assert made_here(str(copied / "open_clip_model.safetensors"))


def test_the_copy_that_travels_with_an_ensemble_counts(saved_ensemble):
    configuration = read_ensemble(saved_ensemble).checkpoints["clip_frozen"].configuration
    weights = configuration["made_by"]["encoder"]["weights"]
    assert weights.startswith(str(saved_ensemble.resolve()))
    assert made_here(weights)


def test_one_changed_byte_does_not_count(copied):
    file = copied / "open_clip_model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not made_here(str(copied))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "inside/other.safetensors"])
def test_foreign_weights_beside_own_ones_do_not_count(copied, name):
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_bytes(b"made elsewhere")
    assert not made_here(str(copied))


@pytest.mark.parametrize("weights", ["hub", "small_clip", "nowhere/small_clip"])
def test_a_word_and_a_missing_path_do_not_count(weights):
    assert not made_here(weights)


def test_a_folder_without_weights_does_not_count(tmp_path):
    assert not made_here(str(tmp_path))
