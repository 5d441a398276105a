"""The vision-language member through the real graph, from the tiny model that the project ships."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from chajong.encoders.encoder import EncoderError
from chajong.members.checkpoint import CheckpointError, read_checkpoint
from chajong.members.configuration import MemberError
from chajong.members.vlm.export import AdapterExport
from chajong.members.vlm.hints import HintError
from chajong.predictions.contract import read_predictions, write_predictions
from chajong.predictions.external import ExternalMemberError

SHIPPED = Path(__file__).parents[2] / "data" / "06_models" / "tiny_vlm"
VLM = {
    "hints": {"member": "hog", "count": 2},
    "model": {"candidates": 4, "ask_below": 1.0},
    "training": {"epochs": 1, "batch_size": 16},
}


def changed(**model):
    return VLM | {"model": VLM["model"] | model}


@pytest.fixture(scope="module")
def data(finished, run_pipelines, tmp_path_factory):
    """The finished run with the vision-language member added."""
    data = shutil.copytree(finished.data, tmp_path_factory.mktemp("vlm") / "data")
    run_pipelines(finished.raw, data, "vlm_finetune", "ensembling", vlm=VLM)
    return data


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished.data, tmp_path / "data")


def latest(versioned):
    return sorted(versioned.iterdir())[-1] / versioned.name


def hog_file(data):
    return data / "07_model_output" / "hog" / "predictions.parquet"


def test_the_member_leaves_what_a_person_looks_at(data):
    reports = {path.name for path in (data / "08_reporting" / "vlm").iterdir()}
    assert reports >= {
        "metrics.json",
        "training_questions.csv",
        "training_photos.png",
        "training_chart.json",
        "training_history.csv",
    }
    with (data / "08_reporting" / "vlm" / "training_questions.csv").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        questions = list(csv.DictReader(file))
    assert any("%" in question["prompt"] for question in questions)


def test_predictions_are_complete_and_the_difference_to_the_hints_is_reported(data):
    own = read_predictions(data / "07_model_output" / "vlm" / "predictions.parquet")
    hog = read_predictions(hog_file(data))
    assert own.contract == hog.contract
    assert len(own.rows) == len(hog.rows)
    metrics = json.loads(latest(data / "08_reporting" / "vlm" / "metrics.json").read_text())
    assert metrics["hinting_member"] == "hog"
    assert metrics["gain_low"] <= metrics["gain"] <= metrics["gain_high"]


def test_a_tiny_model_is_scored_and_pooled_unless_it_repeats_its_hints(data):
    own, hog = (
        read_predictions(data / "07_model_output" / member / "predictions.parquet")
        .to_frame()
        .sort_values(["photo_id", "fold"])
        .drop(columns=["photo_id", "split", "fold", "label_counts"])
        for member in ("vlm", "hog")
    )
    repeats = np.allclose(own, hog, rtol=0, atol=1e-4)
    with (data / "08_reporting" / "leaderboard.csv").open(encoding="utf-8-sig") as file:
        row = next(row for row in csv.DictReader(file) if row["member"] == "vlm")
    told = "repeats hog on every photo that it has, and adds nothing"
    assert row["status"] == (told if repeats else "pooled")
    assert float(row["log_loss"]) > 0


def test_a_teammates_table_can_give_the_hints(copy, finished, run_pipelines):
    external = copy / "07_model_output" / "external"
    external.mkdir(parents=True, exist_ok=True)
    frame = read_predictions(hog_file(copy)).to_frame()
    frame.drop(columns="label_counts").to_parquet(external / "friend.parquet")
    hints = {"member": None, "table": "friend.parquet", "count": 1}
    untrained = VLM | {"hints": hints, "training": None}
    run_pipelines(finished.raw, copy, "vlm_finetune", vlm=untrained)
    assert (copy / "07_model_output" / "vlm" / "predictions.parquet").is_file()


def test_adapters_of_another_base_model_are_not_exported(finished, run_pipelines, tmp_path):
    """What the checkpoint was trained on is compared before any weight is read."""
    data = shutil.copytree(finished.data, tmp_path / "data")
    base = shutil.copytree(SHIPPED, tmp_path / "base")
    untrained = changed(weights=str(base)) | {"training": VLM["training"] | {"folds": [0]}}
    run_pipelines(finished.raw, data, "vlm_finetune", vlm=untrained)
    assert (data / "06_models" / "vlm" / "adapters" / "fold_0" / "adapter_config.json").is_file()
    checkpoint = read_checkpoint(latest(data / "06_models" / "vlm" / "checkpoint"))
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(CheckpointError, match="belong to another base model than 'tiny_vlm'"):
        AdapterExport(checkpoint, {}).write(tmp_path / "exported")


class TestBadInput:
    """Each stops the run before weights are read; no model is loaded."""

    @pytest.fixture(autouse=True)
    def no_weights_are_read(self, monkeypatch):
        monkeypatch.setattr(
            "transformers.AutoModelForImageTextToText.from_pretrained",
            lambda *_, **__: pytest.fail("weights were read"),
        )

    def refused(self, kind, run_pipelines, finished, data, vlm):
        with pytest.raises(kind) as error:
            run_pipelines(finished.raw, data, "vlm_finetune", vlm=vlm)
        assert not (data / "06_models" / "vlm").exists()
        return str(error.value)

    def test_hints_from_a_member_that_has_not_run(self, copy, finished, run_pipelines):
        hog_file(copy).unlink()
        message = self.refused(HintError, run_pipelines, finished, copy, VLM)
        assert "'hog', which has not run yet" in message
        assert "kedro run --namespaces hog" in message

    def test_hints_from_nobody_that_there_is(self, copy, finished, run_pipelines):
        vlm = VLM | {"hints": {"member": "hogg", "count": 1}}
        message = self.refused(MemberError, run_pipelines, finished, copy, vlm)
        assert "vlm.hints.member names 'hogg'" in message
        assert "did you mean hog?" in message

    def test_hints_from_a_table_that_is_not_there(self, copy, finished, run_pipelines):
        hints = {"member": None, "table": "friend.csv", "count": 1}
        message = self.refused(
            ExternalMemberError, run_pipelines, finished, copy, VLM | {"hints": hints}
        )
        assert "no table 'friend.csv'" in message

    def test_hints_from_a_member_that_lacks_photos(self, copy, finished, run_pipelines):
        hog = read_predictions(hog_file(copy))
        kept = ~hog.rows["photo_id"].isin(hog.rows["photo_id"].iloc[:1]).to_numpy()
        write_predictions(hog.take(kept), hog_file(copy))
        message = self.refused(HintError, run_pipelines, finished, copy, VLM)
        assert "'hog' cannot give hints: it lacks 1 of" in message
        assert hog.rows["photo_id"].iloc[0] in message

    def test_a_template_with_an_unknown_field(self, copy, finished, run_pipelines):
        template = {"with_hints": "{hint}s: what car?", "without_hints": "What car?"}
        message = self.refused(
            Exception, run_pipelines, finished, copy, changed(templates=[template])
        )
        assert "unknown field {hint}" in message

    def test_more_candidates_than_letters(self, copy, finished, run_pipelines):
        vlm = changed(objective="letters", candidates=27)
        message = self.refused(Exception, run_pipelines, finished, copy, vlm)
        assert "27 candidates are more than the 26 letters" in message

    def test_a_pixel_budget_below_the_models_least(self, copy, finished, run_pipelines, tmp_path):
        from tools.tiny_vlm import make_tiny_llava

        make_tiny_llava(tmp_path / "llava", ["a car"])
        file = tmp_path / "llava" / "config.json"
        file.write_text(file.read_text().replace('"image_size": 28', '"image_size": 336'))
        vlm = changed(weights=str(tmp_path / "llava"))
        message = self.refused(EncoderError, run_pipelines, finished, copy, vlm)
        assert "336 x 336 pixels of a photo, but `max_pixels` is 9408" in message

    def test_no_bitsandbytes(self, copy, finished, run_pipelines, monkeypatch):
        monkeypatch.setattr("chajong.members.vlm.base_model.find_spec", lambda name: None)
        message = self.refused(EncoderError, run_pipelines, finished, copy, VLM)
        assert "pip install bitsandbytes" in message
