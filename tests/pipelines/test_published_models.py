"""Members whose weights come from a hub, through a Kedro session to a page's answers."""

import json

import pytest
from fake_hub import FakeHub
from published_encoders import write_clip
from published_vision_language import write_qwen2_5_vl

from chajong import CarClassifier
from chajong.encoders.hub import commit_of
from chajong.members.checkpoint import read_checkpoint

ENCODER = {"library": "transformers", "model": "openai/clip", "weights": "hub", "zoom": [1.0]}
HINTS = {"member": "clip_frozen", "count": 2}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A hub with both models; the vision-language model's branch moves on when it was used."""
    hub = FakeHub(tmp_path / "hub")
    hub.use(monkeypatch)
    commit_of.cache_clear()
    commits = {}
    for repository, write in (("openai/clip", write_clip), ("Qwen/Qwen2.5-VL", write_qwen2_5_vl)):
        write(tmp_path / repository)
        commits[repository] = hub.publish(repository, tmp_path / repository)
    yield hub, commits
    commit_of.cache_clear()


def latest(versioned):
    return sorted(versioned.iterdir())[-1] / versioned.name


def test_from_the_first_check_to_new_photos(published, rendered, tmp_path, run_pipelines):
    hub, commits = published
    data = tmp_path / "data"
    run_pipelines(
        rendered,
        data,
        "data_processing",
        "feature_extraction",
        "vlm_finetune",
        "ensembling",
        hog=None,
        clip_frozen={"encoder": ENCODER, "heads": {"kinds": ["prototypes"]}},
        vlm={
            "hints": HINTS,
            "model": {"model": "Qwen/Qwen2.5-VL", "weights": "hub"}
            | {"candidates": 4, "ask_below": 1.0, "max_pixels": 56 * 56},
            "training": {"epochs": 1, "batch_size": 16, "folds": [0]},
        },
    )
    frozen = read_checkpoint(latest(data / "06_models" / "clip_frozen" / "checkpoint"))
    assert frozen.configuration["made_by"]["encoder"]["revision"] == commits["openai/clip"]
    adapters = read_checkpoint(latest(data / "06_models" / "vlm" / "checkpoint"))
    assert adapters.configuration["model"]["revision"] == commits["Qwen/Qwen2.5-VL"]
    described = json.loads(
        (data / "06_models" / "vlm" / "adapters" / "fold_0" / "adapter_config.json").read_text()
    )
    assert described["revision"] == commits["Qwen/Qwen2.5-VL"]
    _move_on(hub, tmp_path)
    answers = CarClassifier.load(data / "06_models" / "ensemble").predict(rendered / "test")
    assert answers["probability"].between(0, 1).all()
    assert answers["photo"].nunique() > 20


def _move_on(hub, folder):
    write_clip(folder / "later", seed=1)
    hub.publish("openai/clip", folder / "later")
    commit_of.cache_clear()
