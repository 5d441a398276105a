"""The command that exports an ensemble."""

import numpy as np
import pytest
from click.testing import CliRunner

from chajong.command_line import main
from chajong.inference.saved import write_ensemble

pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_an_exported_members_heads_answer_as_it_does(small_run, classifier, tmp_path):
    write_ensemble(classifier.only("clip_frozen").ensemble, tmp_path / "ensemble")
    command = ["onnx", str(tmp_path), "--ensemble", str(tmp_path / "ensemble")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    written = [line.split(": ")[0] for line in result.output.splitlines() if "differs by" in line]
    assert {str(file) for file in tmp_path.glob("clip_frozen/**/*.onnx")} == set(written)
    photos = small_run.test_photos()[:3]
    asked = classifier.asked(photos["sha256"].tolist(), small_run.store)
    features = asked.features("clip_frozen")
    for fold, expected in asked.by_fold("clip_frozen").items():
        session = runtime.InferenceSession(tmp_path / "clip_frozen" / f"fold_{fold}.onnx")
        (got,) = session.run(None, {"features": features})
        np.testing.assert_allclose(got, expected, atol=1e-3)
    assert (tmp_path / "clip_frozen" / "encoder").is_dir()


def test_a_missing_ensemble_says_which_command_makes_one(tmp_path):
    result = CliRunner().invoke(main, ["onnx", str(tmp_path), "--ensemble", str(tmp_path / "no")])
    assert result.exit_code == 1
    assert "kedro run" in result.output
