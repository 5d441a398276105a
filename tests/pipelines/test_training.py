"""What stops a training, and what trains a part of it; `test_team` trains all kinds."""

import json

import pytest

from chajong.training.errors import TrainingError

ONE_EPOCH = {"epochs": 1, "batch_size": 16, "learning_rate": 5e-4}
FAST = {"flip": False, "zoom": [1.0]}
BACKBONE = {
    "model": FAST,
    "training": ONE_EPOCH | {"head_learning_rate": 0.01},
}


def latest(folder, member, file):
    versions = sorted((folder / member / file).iterdir())
    return versions[-1] / file


def metrics_of(data, member):
    return json.loads(latest(data / "08_reporting", member, "metrics.json").read_text())


def test_a_gpu_preset_without_a_gpu_stops_before_photos_are_read(rendered, tmp_path, run_pipelines):
    clip = {"training": {"device": "gpu"}}
    with pytest.raises(TrainingError, match="trains on a GPU and none was found"):
        run_pipelines(rendered, tmp_path, "data_processing", "clip_training", clip=clip)
    assert not (tmp_path / "03_primary" / "photo_store.arrow").exists()


def test_one_fold_alone_can_be_trained(finished, data_dir, run_pipelines):
    training = ONE_EPOCH | {"folds": [1]}
    run_pipelines(
        finished.raw, data_dir, "fusion_training", backbone=BACKBONE | {"training": training}
    )
    assert metrics_of(data_dir, "backbone")["folds"] == [1]
