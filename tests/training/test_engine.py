import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_classifier import build_tiny, labelled_photos, tiny_job
from torch.multiprocessing.spawn import ProcessRaisedException
from transformers.utils.import_utils import enable_tf32

from chajong import device
from chajong.training import engine
from chajong.training.engine import train
from chajong.training.errors import TrainingError
from chajong.training.moving_average import load_trained_weights
from chajong.training.parameters import MixingParameters
from chajong.training.processes import train_in_processes
from chajong.training.trainer import mean_loss


def same(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def uninterrupted(folder):
    return train(tiny_job(folder), folder / "uninterrupted")


def test_training_learns_what_the_photos_show(folder):
    job = tiny_job(folder, epochs=12, mixing=MixingParameters(cutmix=0, mixup=0))
    trained = train(job, folder / "learns")
    model = build_tiny()
    before = mean_loss(model, job.photos)
    load_trained_weights(model, trained.weights)
    assert mean_loss(model, job.photos) < 0.7 * before


def test_training_leaves_weights_history_and_no_checkpoints(folder, uninterrupted):
    assert sorted(path.name for path in (folder / "uninterrupted").iterdir()) == [
        ".history.json.hash",
        ".weights.safetensors.hash",
        "history.json",
        "photos_seen.txt",
        "weights.safetensors",
    ]
    logged = uninterrupted.history
    assert [entry["step"] for entry in logged] == list(range(1, 4 * 5 + 1))
    assert all(entry["photos_per_second"] > 0 for entry in logged)
    assert uninterrupted.steps_per_epoch == 5


def test_the_rate_rises_and_falls(folder, uninterrupted):
    rates = [entry["learning_rate"] for entry in uninterrupted.history]
    assert max(rates) == pytest.approx(0.02, rel=0.05)
    assert np.argmax(rates) <= 2
    assert rates[-1] < 0.002


def test_a_finished_training_is_not_repeated(folder, uninterrupted, monkeypatch):
    monkeypatch.setattr(engine, "train_here", None)
    assert same(train(tiny_job(folder), folder / "uninterrupted").weights, uninterrupted.weights)


def test_training_twice_gives_the_same_weights(folder, uninterrupted):
    assert same(train(tiny_job(folder), folder / "again").weights, uninterrupted.weights)


@pytest.fixture(scope="module")
def killed(folder):
    """What a training leaves that is killed when it has written two checkpoints."""
    script = (
        "from pathlib import Path; from tiny_classifier import tiny_job;"
        "from chajong.training.engine import train;"
        f"folder = Path({str(folder)!r}); train(tiny_job(folder), folder / 'killed')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent)])}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    whole = folder.glob("killed/checkpoints/checkpoint-*/manifest.json")
    while process.poll() is None and len(list(whole)) < 2:
        time.sleep(0.002)
        whole = folder.glob("killed/checkpoints/checkpoint-*/manifest.json")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "killed" / "history.json").exists()
    return folder / "killed"


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_killed_training_resumes_with_the_same_result(folder, killed, uninterrupted):
    resumed = train(tiny_job(folder), shutil.copytree(killed, folder / "resumed"))
    assert same(resumed.weights, uninterrupted.weights)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("lost", lambda checkpoint: (checkpoint / "optimizer.pt").unlink()),
        ("flipped", lambda checkpoint: flip(checkpoint / "average.safetensors")),
        ("cut", lambda checkpoint: (checkpoint / "manifest.json").write_text("{")),
    ],
)
def test_training_goes_on_from_the_last_whole_checkpoint(
    name, damage, folder, killed, uninterrupted, caplog
):
    shutil.copytree(killed, folder / name)
    numbered = {
        int(path.name.split("-")[1]): path for path in (folder / name / "checkpoints").iterdir()
    }
    damage(numbered[max(numbered)])
    assert same(train(tiny_job(folder), folder / name).weights, uninterrupted.weights)
    assert numbered[max(numbered)].name in caplog.text


def test_a_checkpoint_that_was_cut_off_is_not_resumed_from(folder, uninterrupted):
    half = folder / "half" / "checkpoints" / "checkpoint-9"
    half.mkdir(parents=True)
    (half / "weights.safetensors").write_bytes(b"half")
    assert same(train(tiny_job(folder), folder / "half").weights, uninterrupted.weights)


def test_damaged_weights_of_a_finished_training_are_trained_again(folder, uninterrupted, caplog):
    for name in ("weights.safetensors", "history.json"):
        shutil.copytree(folder / "uninterrupted", folder / f"damaged_{name}")
        flip(folder / f"damaged_{name}" / name)
        again = train(tiny_job(folder), folder / f"damaged_{name}")
        assert same(again.weights, uninterrupted.weights)
        assert f"{name} is damaged" in caplog.text


def test_accumulation_takes_the_same_steps(folder):
    settings = {"mixing": MixingParameters(cutmix=0, mixup=0), "epochs": 1}

    def without_batch_norm(name, **changes):
        trained = train(tiny_job(folder, **settings, **changes), folder / name)
        return trained.weights["head.weight"]

    whole = without_batch_norm("whole")
    parts = without_batch_norm("parts", gradient_accumulation=2)
    # Batch norm and dropout see halves of the batch, so that the weights are only close.
    assert torch.allclose(whole, parts, atol=0.05)


def test_two_processes_share_every_batch(folder):
    job = tiny_job(folder, processes=2, epochs=2)
    trained = train(job, folder / "two")
    model = build_tiny()
    before = mean_loss(model, job.photos)
    load_trained_weights(model, trained.weights)
    assert [entry["step"] for entry in trained.history] == list(range(1, 11))
    assert mean_loss(model, job.photos) < before


def test_an_error_in_a_process_keeps_its_words(folder, monkeypatch):
    def start_and_fail(worker, arguments, **_):
        """Report an error as torch does: by the text of its traceback."""
        try:
            engine.train_here(*arguments[:2])
        except TrainingError:
            raise ProcessRaisedException(traceback.format_exc(), 0, 1) from None

    spawning = sys.modules["torch.multiprocessing.spawn"]
    monkeypatch.setattr(spawning, "start_processes", start_and_fail)
    job = tiny_job(folder, poisoned=True)
    with pytest.raises(TrainingError, match=r"\AThe loss of step 1 is nan.*train/"):
        train_in_processes(job, folder / "two poisoned")


def test_the_inner_photos_choose_the_epoch(folder, tmp_path):
    photos = labelled_photos(folder)
    inner = photos.take(np.arange(30, 40))
    job = tiny_job(folder, photos=photos.take(np.arange(30)), inner_photos=inner)
    trained = train(job, folder / "inner")
    losses = [entry["inner_loss"] for entry in trained.history if "inner_loss" in entry]
    model = build_tiny()
    load_trained_weights(model, trained.weights)
    assert len(losses) == 4
    assert mean_loss(model, inner) == pytest.approx(min(losses), abs=1e-3)  # in float16


def test_a_loss_that_is_no_number_names_its_photos(folder):
    with pytest.raises(TrainingError, match=r"step 1 is nan\. Its photos are train/\d/"):
        train(tiny_job(folder, poisoned=True), folder / "poisoned")


def test_a_batch_larger_than_the_data_names_the_setting(folder):
    with pytest.raises(TrainingError, match=r"batch of 64 .* 40 .*training\.batch_size"):
        train(tiny_job(folder, batch_size=64), folder / "large")


def test_a_batch_that_cannot_be_split_names_the_setting(folder):
    with pytest.raises(TrainingError, match=r"make `training\.batch_size` a multiple of 3"):
        train(tiny_job(folder, gradient_accumulation=3), folder / "uneven")


@pytest.mark.parametrize(
    "fail",
    [
        lambda: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory")),
        lambda: [None for _ in torch.empty(10**15)],
    ],
    ids=["GPU", "CPU"],
)
def test_too_little_memory_names_the_settings(folder, monkeypatch, fail):
    def run(*_):
        list(fail())

    monkeypatch.setattr(engine, "_run", run)
    with pytest.raises(
        TrainingError, match=r"memory for 8 photos.*training\.gradient_accumulation"
    ):
        train(tiny_job(folder), folder / "memory")


@pytest.mark.skipif(torch.accelerator.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_preset_without_a_gpu_says_so(folder):
    with pytest.raises(TrainingError, match="trains on a GPU and none was found"):
        train(tiny_job(folder, device="gpu"), folder / "gpu")


def test_gradient_checkpointing_reaches_the_model(folder, monkeypatch):
    seen = []
    job = tiny_job(folder, gradient_checkpointing=True, epochs=1)
    monkeypatch.setattr(
        "tiny_classifier.TinyClassifier.set_gradient_checkpointing",
        lambda self, enabled: seen.append(enabled),
    )
    train(job, folder / "checkpointing")
    assert seen == [True]


def test_the_history_is_json(folder, uninterrupted):
    text = (folder / "uninterrupted" / "history.json").read_text()
    assert json.loads(text)["steps_per_epoch"] == uninterrupted.steps_per_epoch


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_a_trained_model_is_let_go(tmp_path, watched, precision, gradient_checkpointing):
    job = tiny_job(
        tmp_path,
        precision=precision,
        gradient_checkpointing=gradient_checkpointing,
        inner_photos=labelled_photos(tmp_path, 6),
        epochs=1,
    )
    job = replace(job, build=watched(job.build))
    for fold in ("0", "1"):
        train(job, tmp_path / fold)
    assert watched.built == 2
    assert not watched.in_memory()


def test_a_compiled_training_changes_nothing_for_what_comes_after(folder, monkeypatch):
    """transformers lets products be TF32 where a training is compiled, and leaves it so."""
    before = torch.backends.cuda.matmul.fp32_precision

    def compiled_run(job, folder):
        torch.backends.fp32_precision = "tf32"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"

    monkeypatch.setattr(engine, "_run", compiled_run)
    engine.train_here(tiny_job(folder), folder / "compiled")
    assert torch.backends.fp32_precision == "none"
    assert torch.backends.cuda.matmul.fp32_precision == before != "tf32"


@pytest.mark.parametrize(("card", "expected"), [("cuda", "tf32"), ("cpu", "none")])
def test_every_compiled_training_of_a_process_multiplies_alike(folder, monkeypatch, card, expected):
    """transformers' own change is cached: after the first training it would not be made again."""
    seen = []

    def compiled_run(job, folder):
        if card == "cuda":
            enable_tf32(True)
        seen.append(torch.backends.cuda.matmul.fp32_precision)

    enable_tf32.cache_clear()
    monkeypatch.setattr(device, "best_device", lambda: torch.device(card))
    monkeypatch.setattr(engine, "_run", compiled_run)
    for fold in ("0", "1"):
        engine.train_here(tiny_job(folder, compile=True), folder / fold)
    assert seen == [expected, expected]
