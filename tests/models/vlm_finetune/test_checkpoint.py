import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chajong.models.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from chajong.models.vlm_finetune import checkpoint as checkpoint_module
from chajong.models.vlm_finetune.checkpoint import restore_fold_models
from chajong.models.vlm_finetune.member import predict_folds, train_folds

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from chajong.models.checkpoint import read_checkpoint
from chajong.models.vlm_finetune.checkpoint import restore_fold_models
from chajong.models.vlm_finetune.questions import Question
from chajong.models.vlm_finetune.scoring import score_views
saved = read_checkpoint(Path(sys.argv[1]))
proof = saved.configuration["proof_questions"]
asked = [Question(each["prompt"], tuple(each["candidates"])) for each in proof]
models = restore_fold_models(saved, saved.configuration["class_names"])
scores = [score_views(model, saved.tensors["proof.views"], asked) for _, model in models]
np.save(sys.argv[2], np.stack(scores))
"""


@pytest.fixture(scope="module")
def base(settings, tmp_path_factory):
    """A copy of the base model that a test may change."""
    return shutil.copytree(settings().weights, tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module", params=["listwise", "class_head"])
def saved(request, base, settings, training, hints, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    parameters = settings(weights=str(base), objective=request.param)
    weights, _, report = train_folds(parameters, training, hints, tables, folder / "scratch")
    _, checkpoint, _ = predict_folds(weights, report, hints, parameters, tables)
    write_checkpoint(checkpoint, folder / "checkpoint")
    return folder / "checkpoint"


def test_another_process_gets_the_same_log_probabilities(saved, tmp_path):
    source = Path(__file__).parents[3] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", SCRIPT, str(saved), str(tmp_path / "scores.npy")]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    checkpoint = read_checkpoint(saved)
    expected = [checkpoint.tensors[f"proof.fold_{fold}"].numpy() for fold in (0, 1)]
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), np.stack(expected), atol=1e-5)


def test_adapters_head_and_processor_are_saved_together(saved):
    checkpoint = read_checkpoint(saved)
    objective = checkpoint.configuration["model"]["objective"]
    heads = [name for name in checkpoint.tensors if ".head." in name]
    assert bool(heads) == (objective == "class_head")
    assert not [name for name in checkpoint.tensors if "base_layer" in name]
    assert (saved / "processor" / "tokenizer.json").is_file()
    assert checkpoint.configuration["base"]["model"] == "tiny_vlm"


def test_a_changed_adapter_is_refused(saved, tables):
    checkpoint = read_checkpoint(saved)
    name = next(name for name in checkpoint.tensors if "lora_B" in name)
    checkpoint.tensors[name][:] = 1.0
    with pytest.raises(CheckpointError, match="fold 0 differs"):
        list(restore_fold_models(checkpoint, tables.class_names))


def test_other_classes_are_refused(saved):
    with pytest.raises(CheckpointError, match="knows 3 classes and this run has 2"):
        list(restore_fold_models(read_checkpoint(saved), ["a", "b"]))


def test_another_base_model_is_refused_before_its_weights_are_read(
    saved, base, tables, monkeypatch
):
    monkeypatch.setattr(
        checkpoint_module, "build_vlm_classifier", lambda *_, **__: pytest.fail("weights were read")
    )
    configuration = base / "config.json"
    before = configuration.read_text()
    try:
        configuration.write_text(json.dumps(json.loads(before) | {"added": 1}))
        with pytest.raises(CheckpointError, match="belong to another base model than 'tiny_vlm'"):
            list(restore_fold_models(read_checkpoint(saved), tables.class_names))
    finally:
        configuration.write_text(before)
