"""The command that exports an ensemble."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from chajong import CarClassifier
from chajong.command_line import main
from chajong.ensembling.family_temperature import FamilyTemperatures
from chajong.ensembling.pools.pool import Pool
from chajong.inference.onnx_ensemble import export_ensemble
from chajong.inference.saved import write_ensemble
from chajong.photos.resizing import Preparation

pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_an_exported_members_heads_answer_as_it_does(small_run, classifier, tmp_path):
    write_ensemble(classifier.only("clip_frozen").ensemble, tmp_path / "saved")
    command = ["onnx", str(tmp_path), "--ensemble", str(tmp_path / "saved")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    written = [line.split(": ")[0] for line in result.output.splitlines() if "differs by" in line]
    files = [*tmp_path.glob("clip_frozen/**/*.onnx"), tmp_path / "ensemble" / "ensemble.onnx"]
    assert {str(file) for file in files} == set(written)
    photos = small_run.test_photos()[:3]
    asked = classifier.asked(photos["sha256"].tolist(), small_run.store)
    features = asked.features("clip_frozen")
    for fold, expected in asked.by_fold("clip_frozen").items():
        session = runtime.InferenceSession(tmp_path / "clip_frozen" / f"fold_{fold}.onnx")
        (got,) = session.run(None, {"features": features})
        np.testing.assert_allclose(got, expected, atol=1e-3)
    assert (tmp_path / "clip_frozen" / "encoder").is_dir()


@pytest.fixture(scope="module")
def members(small_run, classifier):
    """A member that ONNX can hold, asked under two names."""
    ensemble = classifier.only("clip_frozen").ensemble
    checkpoint = ensemble.checkpoints["clip_frozen"]
    return replace(ensemble, checkpoints={"clip": checkpoint, "다른_clip": checkpoint})


@pytest.mark.slow
@pytest.mark.parametrize("method", ["log_linear", "convex"])
def test_one_file_answers_as_the_ensemble_does(method, members, small_run, tmp_path):
    ensemble = replace(
        members,
        members=("clip", "hog", "다른_clip"),
        pool=Pool(method, (0.25, 0.0, 0.75), 1.3, 0.02),
        families=FamilyTemperatures(((0, 2), (1, 3, 5)), (0.6, 1.7)),
    )
    export_ensemble(ensemble, tmp_path / "ensemble")
    labels = json.loads((tmp_path / "ensemble" / "labels.json").read_text(encoding="utf-8"))
    session = runtime.InferenceSession(tmp_path / "ensemble" / "ensemble.onnx")
    assert [each.name for each in session.get_inputs()] == ["clip", "다른_clip"]
    photos = small_run.test_photos()["sha256"].tolist()[:3]
    asked = CarClassifier(ensemble).asked(photos, small_run.store)
    expected = ensemble.log_probabilities(asked)
    given = {each["name"]: pictures(each, photos, small_run.store) for each in labels["inputs"]}
    (got,) = session.run(None, given)
    np.testing.assert_allclose(got, expected, atol=2e-3)
    assert labels["output"]["classes"] == list(CarClassifier(ensemble).class_names)


def pictures(described, photos, store):
    """Prepare photos as `labels.json` says."""
    *_, height, width = described["shape"]
    preparation = Preparation(height, width, described["fit"], tuple(described["zoom"]))
    return np.stack([preparation.pictures(store.jpeg(photo)) for photo in photos])


def test_a_member_that_onnx_cannot_hold_has_no_file_of_all(classifier, tmp_path):
    assert export_ensemble(classifier.only("hog").ensemble, tmp_path / "ensemble") is None
    assert not (tmp_path / "ensemble").exists()


def test_a_missing_ensemble_says_which_command_makes_one(tmp_path):
    result = CliRunner().invoke(main, ["onnx", str(tmp_path), "--ensemble", str(tmp_path / "no")])
    assert result.exit_code == 1
    assert "kedro run" in result.output
