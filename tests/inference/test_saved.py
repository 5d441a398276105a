"""The saved directory: complete, movable, whole, and refused where it is not."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from chajong import CarClassifier
from chajong.inference.saved import (
    SavedEnsembleError,
    find_ensemble,
    read_ensemble,
    write_ensemble,
)
from chajong.manifest import seal_folder
from chajong.members.checkpoint import CheckpointError
from chajong.whole import whole_folder


@pytest.fixture
def moved(saved_ensemble, tmp_path):
    return shutil.copytree(saved_ensemble, tmp_path / "다른 곳" / "앙상블")


@pytest.fixture
def photo(small_run):
    return small_run.path(small_run.test_photos()["photo_id"].iloc[0]).read_bytes()


def test_a_moved_directory_answers_the_same(classifier, moved, photo):
    again = CarClassifier.load(moved).predict(photo)
    np.testing.assert_allclose(
        again["probability"], classifier.predict(photo)["probability"], atol=1e-6
    )


def test_local_weights_travel_and_no_path_of_the_machine_is_kept(saved_ensemble, small_run):
    assert list((saved_ensemble / "weights").glob("*small_clip/*.safetensors"))
    texts = [path.read_text(encoding="utf-8") for path in saved_ensemble.rglob("*.json")]
    texts.append((saved_ensemble / "README.md").read_text(encoding="utf-8"))
    assert not any(str(small_run.raw.parent) in text or '/small_clip"' in text for text in texts)


def test_the_directory_says_what_it_was_made_with(saved_ensemble):
    description = json.loads((saved_ensemble / "ensemble.json").read_text(encoding="utf-8"))
    assert description["members"] == ["hog", "clip_frozen"]
    assert {"chajong", "torch", "open_clip_torch"} <= description["versions"].keys()
    assert description["figures"]["log_loss"] > 0


def test_everything_is_read_back(small_run, served, saved_ensemble):
    made, read = small_run.ensemble(served), read_ensemble(saved_ensemble)
    assert read.pool == made.pool
    assert read.families == made.families
    assert read.store_settings == made.store_settings
    np.testing.assert_array_equal(read.prior, made.prior)
    assert read.confusions.to_dict("list") == made.confusions.to_dict("list")
    assert read.classes["name"].tolist() == made.classes["name"].tolist()


def test_of_several_runs_the_latest_is_found(saved_ensemble, tmp_path):
    for run in ("2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"):
        shutil.copytree(saved_ensemble, tmp_path / run / "ensemble")
    assert find_ensemble(tmp_path).parent.name.startswith("2026-02")


def test_what_a_killed_run_left_is_no_run(saved_ensemble, tmp_path):
    shutil.copytree(saved_ensemble, tmp_path / "2026-01-01T00.00.00.000Z" / "ensemble")
    killed = tmp_path / "2026-02-01T00.00.00.000Z" / "ensemble"
    with suppress(RuntimeError), whole_folder(killed) as unfinished:
        shutil.copytree(saved_ensemble, unfinished, dirs_exist_ok=True)
        found = find_ensemble(tmp_path)
        raise RuntimeError
    assert found.parent.name.startswith("2026-01")


def test_an_ensemble_is_not_written_over(small_run, served, moved):
    with pytest.raises(FileExistsError, match="holds something already"):
        write_ensemble(small_run.ensemble(served), moved)
    assert read_ensemble(moved).members


def test_a_folder_without_an_ensemble_is_refused(tmp_path):
    with pytest.raises(SavedEnsembleError, match=r"no saved ensemble.*kedro run"):
        CarClassifier.load(tmp_path)


@pytest.mark.parametrize("lost", ["classes.parquet", "README.md", "members/hog"])
def test_a_directory_that_lacks_a_part_is_refused(moved, lost):
    path = moved / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SavedEnsembleError, match=rf"{lost}.* is missing.*Copy it again"):
        CarClassifier.load(moved)


@pytest.mark.parametrize("number", [1, 99])
def test_another_format_is_refused_with_what_makes_it_anew(moved, number):
    file = moved / "ensemble.json"
    description = json.loads(file.read_text(encoding="utf-8")) | {"format": number}
    file.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(
        SavedEnsembleError, match=rf"format {number}, .*kedro run --pipelines ensembling"
    ):
        CarClassifier.load(moved)


def test_a_member_of_other_weights_is_refused(moved):
    from safetensors.torch import load_file, save_file

    file = moved / "members" / "hog" / "weights.safetensors"
    tensors = load_file(file)
    tensors["fold_0.weights"] *= 2
    save_file(tensors, file)
    with pytest.raises(SavedEnsembleError, match=r"weights\.safetensors is damaged"):
        CarClassifier.load(moved)
    seal_folder(moved / "members" / "hog")
    seal_folder(moved)
    with pytest.raises(CheckpointError):
        CarClassifier.load(moved).warm_up()


def test_an_interrupted_write_leaves_nothing(small_run, served, tmp_path):
    broken = replace(small_run.ensemble(served), confusions=None)
    with pytest.raises(AttributeError):
        write_ensemble(broken, tmp_path / "ensemble")
    assert not list(tmp_path.iterdir())
