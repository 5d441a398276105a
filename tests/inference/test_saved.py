"""The saved directory: complete, movable, whole, and refused where it is not."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from chajong import CarClassifier
from chajong.encoders.encoder import EncoderError
from chajong.inference.agreement import AgreementError
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


PARTS = ("classes.parquet", "confusions.parquet", "kept_answers.arrow", "README.md", "members/hog")


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("lost", PARTS)
def test_a_directory_that_lacks_a_part_is_refused(moved, lost, sealed):
    path = moved / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if sealed:
        seal_folder(moved)
    with pytest.raises(SavedEnsembleError, match=r"is damaged|is missing|has no manifest"):
        CarClassifier.load(moved)


def test_a_run_that_lacks_a_part_does_not_hide_the_one_before(saved_ensemble, tmp_path, caplog):
    for run in ("2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"):
        shutil.copytree(saved_ensemble, tmp_path / run / "ensemble")
    (tmp_path / run / "ensemble" / "members" / "hog" / "weights.safetensors").unlink()
    assert find_ensemble(tmp_path).parent.name.startswith("2026-01")
    assert f"{run}/ensemble is not complete" in caplog.text


def test_what_a_killed_run_left_is_refused_by_its_own_name(saved_ensemble, tmp_path):
    left = shutil.copytree(saved_ensemble, tmp_path / "ensemble.unfinished-0123abcd")
    with pytest.raises(SavedEnsembleError, match="no saved ensemble"):
        find_ensemble(left)


def rewritten(file, change):
    """Change a JSON file of an ensemble, and seal the folders that it is in as a writer would."""
    described = json.loads(file.read_text(encoding="utf-8"))
    change(described)
    file.write_text(json.dumps(described), encoding="utf-8")
    reseal(file)


def reseal(file):
    for folder in file.parents:
        if (folder / "manifest.json").exists():
            seal_folder(folder)


@pytest.mark.parametrize("number", [1, 99, None])
def test_another_format_is_refused_with_what_makes_it_anew(moved, number):
    rewritten(moved / "ensemble.json", lambda described: described.update(format=number))
    with pytest.raises(
        SavedEnsembleError, match=rf"format {number}, .*kedro run --pipelines ensembling"
    ):
        CarClassifier.load(moved)


WRONG = {
    "method": lambda it: it["pool"].update(method="boo"),
    "temperature": lambda it: it["pool"].update(temperature=0),
    "NaN": lambda it: it["pool"].update(temperature=float("nan")),
    "floor": lambda it: it["pool"].update(floor=1.0),
    "weights": lambda it: it["pool"].update(weights=[1.0]),
    "negative": lambda it: it["pool"].update(weights=[1.0, -1.0]),
    "missing": lambda it: it["pool"].pop("floor"),
    "unknown": lambda it: it.update(extra=1),
    "no prior": lambda it: it.pop("prior"),
    "prior": lambda it: it.update(prior=it["prior"][:-1]),
    "family": lambda it: it.update(families=[[0, 99]], family_temperatures=[1.0]),
    "family temperature": lambda it: it.update(families=[[0, 1]], family_temperatures=[0]),
    "stranger": lambda it: it["members"].append("nobody"),
    "no members": lambda it: it.update(members=[], pool={**it["pool"], "weights": []}),
    "store": lambda it: it["store_settings"].update(jpeg_quality=50),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_description_that_is_none_is_refused_with_the_cure(moved, change):
    rewritten(moved / "ensemble.json", change)
    with pytest.raises(SavedEnsembleError, match=r"describes no ensemble|do not fit"):
        CarClassifier.load(moved)


STEPS = {
    "pool": lambda it: it["pool"].update(weights=it["pool"]["weights"][::-1]),
    "method": lambda it: it["pool"].update(method="convex", weights=[0.9, 0.1]),
    "temperature": lambda it: it["pool"].update(temperature=3 * it["pool"]["temperature"]),
    "floor": lambda it: it["pool"].update(floor=0.3),
    "families": lambda it: it.update(families=[list(range(9))], family_temperatures=[0.2]),
}


@pytest.mark.parametrize("change", STEPS.values(), ids=STEPS)
def test_every_step_after_the_members_is_proved_before_the_first_answer(moved, photo, change):
    rewritten(moved / "ensemble.json", change)
    with pytest.raises(AgreementError, match=r"ensemble's probabilities of 8 photos differ"):
        CarClassifier.load(moved).predict(photo)


CONFIGURATIONS = {
    "missing": lambda it: it.pop("l2"),
    "unknown": lambda it: it.update(device="cuda"),
    "weight": lambda it: it["pool"].update(prototypes=0.0),
    "head": lambda it: it["pool"].update(boo=1.0),
    "no head": lambda it: it["pool"].clear(),
    "another kind": lambda it: it.update(kind="backbone"),
    "no identity": lambda it: it["made_by"]["encoder"].pop("base"),
}


@pytest.mark.parametrize("change", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_members_configuration_that_is_none_is_refused(moved, change):
    rewritten(moved / "members" / "clip_frozen" / "configuration.json", change)
    with pytest.raises(SavedEnsembleError, match=r"'clip_frozen' is not one of.*kedro run"):
        CarClassifier.load(moved)


@pytest.mark.parametrize("member", [None, "hog"])
def test_a_member_is_proved_with_its_encoder(moved, photo, member):
    file = moved / "members" / "hog" / "configuration.json"
    rewritten(file, lambda it: it["made_by"]["encoder"].update(width=80, height=128))
    with pytest.raises(AgreementError, match=r"'hog'.*differ by up to.*--namespaces hog"):
        CarClassifier.load(moved, member).predict(photo)


def test_an_encoder_whose_weights_are_gone_does_not_answer(moved, photo):
    (weights,) = moved.glob("weights/*/open_clip_model.safetensors")
    content = weights.read_bytes()
    weights.unlink()
    with pytest.raises(SavedEnsembleError, match=r"open_clip_model\.safetensors is missing"):
        CarClassifier.load(moved)
    reseal(moved / "ensemble.json")
    with pytest.raises(EncoderError, match="not those that the features were made with"):
        CarClassifier.load(moved).predict(photo)
    weights.write_bytes(content[:-4] + b"\0\0\0\0")
    reseal(moved / "ensemble.json")
    with pytest.raises(EncoderError, match="not those that the features were made with"):
        CarClassifier.load(moved).predict(photo)


@pytest.mark.parametrize("place", ["inside:../../outside", "inside:/etc", "/etc", "../outside"])
@pytest.mark.parametrize("setting", ["weights", "name_model"])
def test_weights_outside_are_not_followed(moved, place, setting, monkeypatch):
    (moved.parent / "outside").mkdir()
    monkeypatch.chdir(moved)
    file = moved / "members" / "clip_frozen" / "configuration.json"
    if setting == "weights":
        rewritten(file, lambda it: it["made_by"]["encoder"].update(weights=place))
    else:
        rewritten(file, lambda it: it["made_by"].update({setting: place}))
    with pytest.raises(SavedEnsembleError, match=r"leads out of the folder|are not in it"):
        CarClassifier.load(moved)


@pytest.mark.parametrize("name", ["../../outside", "/etc", "..\\outside"])
def test_checkpoints_outside_are_not_followed(moved, name):
    shutil.copytree(moved / "members" / "hog", moved.parent / "outside")
    rewritten(moved / "ensemble.json", lambda it: it["checkpoints"].append(name))
    with pytest.raises(SavedEnsembleError, match="leads out of the folder"):
        CarClassifier.load(moved)


@pytest.mark.parametrize("part", ["README.md", "members/hog", "members/hog/weights.safetensors"])
def test_links_are_not_followed(moved, part):
    outside = moved.parent / "outside"
    (moved / part).rename(outside)
    (moved / part).symlink_to(outside)
    with pytest.raises(SavedEnsembleError, match="is a link to"):
        CarClassifier.load(moved)


def test_a_member_of_other_weights_is_refused(moved):
    from safetensors.torch import load_file, save_file

    file = moved / "members" / "hog" / "fold_0.safetensors"
    save_file({name: each * 2 for name, each in load_file(file).items()}, file)
    with pytest.raises(SavedEnsembleError, match="not what was written"):
        CarClassifier.load(moved)
    reseal(file)
    with pytest.raises(CheckpointError):
        CarClassifier.load(moved).warm_up()


def test_a_checkpoint_without_its_proof_is_refused(moved):
    from safetensors.torch import load_file, save_file

    file = moved / "members" / "hog" / "weights.safetensors"
    tensors = {name: each for name, each in load_file(file).items() if name != "proof.fold_0"}
    save_file(tensors, file)
    reseal(file)
    with pytest.raises(CheckpointError, match="keeps scores"):
        CarClassifier.load(moved).warm_up()


def test_an_interrupted_write_leaves_nothing(small_run, served, tmp_path):
    broken = replace(small_run.ensemble(served), confusions=None)
    with pytest.raises(AttributeError):
        write_ensemble(broken, tmp_path / "ensemble")
    assert not list(tmp_path.iterdir())
