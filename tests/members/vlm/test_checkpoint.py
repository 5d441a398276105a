import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from chajong.members.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from chajong.members.proof import SHARE_IN_HALF_PRECISION, beyond_rounding
from chajong.members.vlm import base_model
from chajong.members.vlm import checkpoint as checkpoint_module
from chajong.members.vlm.checkpoint import restore_fold_model, restore_fold_models
from chajong.members.vlm.member import predict_folds, train_folds

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from chajong.members.checkpoint import read_checkpoint
from chajong.members.vlm.checkpoint import restore_fold_models
from chajong.members.vlm.questions import Question
from chajong.members.vlm.scoring import score_views
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


@pytest.fixture
def in_bfloat16(monkeypatch):
    """Load models as a GPU does, whatever they were trained in."""
    for module in (base_model, checkpoint_module):
        monkeypatch.setattr(module, "working_precision", lambda: torch.bfloat16)


@pytest.fixture
def proven(monkeypatch):
    """Return what gives the scores of fold 0, loaded and saved, whether they agree or not."""

    def of(checkpoint, class_names):
        scored = []
        with monkeypatch.context() as patched:
            patched.setattr(checkpoint_module, "check_proof", lambda *given: scored.append(given))
            next(restore_fold_models(checkpoint, class_names))
        return scored[0][0], checkpoint.tensors["proof.fold_0"].numpy()

    return of


def test_what_was_saved_in_float32_is_accepted_in_bfloat16(saved, tables, proven, in_bfloat16):
    checkpoint = read_checkpoint(saved)
    scored, before = proven(checkpoint, tables.class_names)
    assert np.abs(scored - before).max() > 1e-3
    assert beyond_rounding(scored, before, SHARE_IN_HALF_PRECISION / 2) is None
    list(restore_fold_models(checkpoint, tables.class_names))


def test_what_was_saved_in_bfloat16_is_exact_there_and_accepted_in_float32(
    saved, tables, proven, in_bfloat16, monkeypatch
):
    checkpoint = read_checkpoint(saved)
    scored, _ = proven(checkpoint, tables.class_names)
    checkpoint.tensors["proof.fold_0"] = torch.from_numpy(scored)
    checkpoint.configuration["computed"]["precision"] = "bfloat16"
    again, _ = proven(checkpoint, tables.class_names)
    np.testing.assert_array_equal(again, scored)
    for module in (base_model, checkpoint_module):
        monkeypatch.setattr(module, "working_precision", lambda: torch.float32)
    next(restore_fold_models(checkpoint, tables.class_names))


def shuffled(part):
    order = torch.randperm(part.numel(), generator=torch.Generator().manual_seed(0))
    return part.flatten()[order].view_as(part)


OTHERS = {
    "another fold's": lambda name, own, other: other,
    "shuffled": lambda name, own, other: shuffled(own),
    "untrained": lambda name, own, other: own * 0 if "lora_B" in name else own,
    "not a number": lambda name, own, other: own * np.nan,
}
"""What takes the place of a weight of fold 0, given its name, itself and that of fold 1."""


def exchange(checkpoint, change):
    for name in [name for name in checkpoint.tensors if name.startswith("fold_0.")]:
        other = checkpoint.tensors[name.replace("fold_0.", "fold_1.")]
        checkpoint.tensors[name] = change(name, checkpoint.tensors[name], other)


def check_refusal(checkpoint, tables, proven):
    scored, before = proven(checkpoint, tables.class_names)
    assert beyond_rounding(scored, before, 1.5 * SHARE_IN_HALF_PRECISION)
    with pytest.raises(CheckpointError, match=r"fold 0 differs by .* on average"):
        next(restore_fold_models(checkpoint, tables.class_names))


@pytest.mark.parametrize("change", OTHERS)
def test_another_adapter_is_refused_in_bfloat16_too(saved, tables, proven, in_bfloat16, change):
    checkpoint = read_checkpoint(saved)
    exchange(checkpoint, OTHERS[change])
    check_refusal(checkpoint, tables, proven)


@pytest.mark.parametrize("saved", ["class_head"], indirect=True)
def test_another_head_is_refused_in_bfloat16_too(saved, tables, proven, in_bfloat16):
    checkpoint = read_checkpoint(saved)
    exchange(checkpoint, lambda name, own, other: own.flip(0) if ".head." in name else own)
    check_refusal(checkpoint, tables, proven)


def test_a_checkpoint_that_names_no_device_is_read(saved, tables):
    checkpoint = read_checkpoint(saved)
    del checkpoint.configuration["computed"]
    checkpoint.configuration["precision"] = "torch.float32"
    list(restore_fold_models(checkpoint, tables.class_names))


def test_a_restored_model_is_let_go(saved, watched, monkeypatch):
    build = watched(checkpoint_module.build_vlm_classifier)
    monkeypatch.setattr(checkpoint_module, "build_vlm_classifier", build)
    for fold in (0, 1):
        restore_fold_model(read_checkpoint(saved), fold)
    assert watched.built == 2
    assert not watched.in_memory()


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
