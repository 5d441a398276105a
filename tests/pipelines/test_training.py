"""The trained members on rendered photos, from the small CLIP that the project ships."""

import json
import shutil

import pytest

from chajong.training.errors import TrainingError

ONE_EPOCH = {"epochs": 1, "batch_size": 16, "learning_rate": 5e-4}
FAST = {"flip": False, "zoom": [1.0]}
CLIP = {"model": FAST | {"wise_ft_alphas": [1.0]}, "training": ONE_EPOCH}
BACKBONE = {
    "model": FAST,
    "training": ONE_EPOCH | {"head_learning_rate": 0.01},
}


@pytest.fixture(scope="module")
def trained(finished, run_pipelines, tmp_path_factory):
    """The finished run with every trained member added and pooled."""
    data = shutil.copytree(finished.data, tmp_path_factory.mktemp("trained") / "data")
    run_pipelines(
        finished.raw,
        data,
        "clip_training",
        "fusion_training",
        "ensembling",
        clip=CLIP,
        clip_zero_shot={"model": FAST},
        backbone=BACKBONE,
        fusion=BACKBONE,
    )
    return data


def latest(folder, member, file):
    versions = sorted((folder / member / file).iterdir())
    return versions[-1] / file


def metrics_of(data, member):
    return json.loads(latest(data / "08_reporting", member, "metrics.json").read_text())


@pytest.mark.parametrize("member", ["clip", "backbone", "fusion"])
def test_a_trained_member_leaves_what_a_person_looks_at(trained, member):
    reports = {path.name for path in (trained / "08_reporting" / member).iterdir()}
    assert reports >= {"training_photos.png", "training_chart.json", "training_history.csv"}


@pytest.mark.parametrize("member", ["clip", "clip_zero_shot", "backbone", "fusion"])
def test_a_trained_member_is_ahead_of_chance(trained, member):
    metrics = metrics_of(trained, member)
    assert metrics["log_loss"] < 0.95 * metrics["uniform_log_loss"]


def test_all_members_are_pooled(trained):
    report = json.loads(latest(trained / "08_reporting", "ensemble", "report.json").read_text())
    members = {"hog", "clip", "clip_zero_shot", "backbone", "fusion"}
    assert set(report["members"]) == members
    assert set(report["pool"]["weights"]) == members


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
