import runpy
from pathlib import Path

import pytest
import torch

from chajong.models.clip.parameters import ClipParameters
from chajong.models.encoders.encoder import EncoderError
from chajong.models.fusion.parameters import BackboneParameters, FusionParameters
from chajong.models.presets.building import full_classifier, small_classifier
from chajong.models.presets.cost import RESERVE_GB, Meter, prediction_cost, training_cost
from chajong.models.presets.small_step import step_on_small_copy
from chajong.training.parameters import TrainingParameters

PROJECT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(PROJECT / "benchmarks" / "presets.py"))
PRESETS = [
    (environment, member)
    for environment in ("gpu24", "gpu80")
    for member in SCRIPT["members_of"](environment)
]
TRAINED = {"clip", "backbone", "fusion"}
PLAIN = TrainingParameters(batch_size=4, precision="float32")


@pytest.mark.parametrize(("environment", "member"), PRESETS)
def test_a_preset_builds_trains_and_fits(environment, member):
    parameters = SCRIPT["members_of"](environment)[member]
    row = SCRIPT["check_member"](environment, member, parameters)
    assert row.problem == ""
    assert row.cost.memory_gb < SCRIPT["MEMORY"][environment]
    assert (row.cost.trainable > 0) == (member in TRAINED)


@pytest.mark.parametrize("environment", ["gpu24", "gpu80"])
def test_fusion_starts_from_a_backbone_of_its_own_kind(environment):
    members = SCRIPT["members_of"](environment)
    shared = ("model", "weights", "image_size", "freeze_batch_norm")
    backbone, fusion = members["backbone"].model, members["fusion"].model
    assert fusion.start == "backbone"
    assert {name: getattr(fusion, name) for name in shared} == {
        name: getattr(backbone, name) for name in shared
    }


@pytest.mark.parametrize("environment", ["gpu24", "gpu80"])
def test_every_trained_preset_refuses_to_run_without_a_gpu(environment):
    members = SCRIPT["members_of"](environment)
    assert {members[name].training.device for name in TRAINED} == {"gpu"}


def test_a_preset_that_does_not_fit_says_what_to_change():
    parameters = SCRIPT["members_of"]("gpu24")["backbone"]
    training = parameters.training.model_copy(update={"batch_size": 128})
    larger = parameters.model_copy(update={"training": training})
    row = SCRIPT["check_member"]("gpu24", "backbone", larger)
    assert "GB of 24: raise `training.accumulation`" in row.problem


@pytest.mark.parametrize(
    ("member", "changes", "named"),
    [
        ("backbone", {"model": "convnext_bose"}, ["convnext_bose", "convnext_base"]),
        ("backbone", {"model": "convnext_base.clip_laion3b"}, ["convnext_base.clip_laion3b"]),
        ("clip", {"model": "ViT-L-41"}, ["'ViT-L-41'", "ViT-L-14"]),
        ("clip", {"weights": "dfn3b"}, ["'dfn3b' for 'ViT-L-14-quickgelu'", "dfn2b"]),
        ("clip_frozen", {"model": "ViT-SO400"}, ["'ViT-SO400'"]),
    ],
)
def test_a_misspelt_preset_is_named(member, changes, named):
    parameters = SCRIPT["members_of"]("gpu24")[member]
    part = "encoder" if member == "clip_frozen" else "model"
    misspelt = getattr(parameters, part).model_copy(update=changes)
    row = SCRIPT["check_member"]("gpu24", member, parameters.model_copy(update={part: misspelt}))
    assert row.cost is None
    for word in named:
        assert word in row.problem


def test_memory_is_counted_while_tensors_are_alive():
    with Meter() as meter:
        first = torch.zeros(1000)
        view = first[:10]
        del first
        assert meter.live == 4000
        del view
        torch.zeros(500)
    assert (meter.live, meter.peak) == (0, 4000)


def test_operations_of_a_product_are_counted():
    with Meter() as meter:
        torch.zeros(3, 5) @ torch.zeros(5, 7)
    assert meter.operations == 2 * 3 * 5 * 7


def test_a_tiny_model_takes_what_its_parts_take():
    parameters = BackboneParameters(model="test_efficientnet", weights="random", image_size=32)
    cost = training_cost(parameters, PLAIN)
    model = full_classifier(parameters)
    count = sum(weight.numel() for weight in model.parameters())
    # float32: the weights, their gradients, two moments and the average
    static = 5 * 4 * count / 1e9
    assert (cost.parameters, cost.trainable, cost.photos) == (count, count, 4)
    assert static < cost.memory_gb - RESERVE_GB < static + 0.01


def test_more_photos_take_more_memory_and_accumulation_takes_it_back():
    parameters = BackboneParameters(model="test_convnext", weights="random", image_size=64)
    whole = TrainingParameters(batch_size=64)
    halves = TrainingParameters(batch_size=64, accumulation=2)
    at_once, in_two = training_cost(parameters, whole), training_cost(parameters, halves)
    assert in_two.photos == 32
    assert in_two.memory_gb < at_once.memory_gb


def test_computing_activations_twice_takes_less_memory_and_more_work():
    parameters = BackboneParameters(
        model="eva02_tiny_patch14_224", weights="random", image_size=112
    )
    kept = training_cost(parameters, TrainingParameters())
    twice = training_cost(parameters, TrainingParameters(gradient_checkpointing=True))
    assert twice.memory_gb < kept.memory_gb
    assert twice.operations == pytest.approx(kept.operations * 4 / 3)


def test_a_frozen_text_tower_can_be_sized_and_trained():
    parameters = ClipParameters(
        library="open_clip", model="ViT-B-32-quickgelu", weights="openai", freeze=("text",)
    )
    cost = training_cost(parameters, TrainingParameters(batch_size=4))
    assert 0 < cost.trainable < cost.parameters
    assert step_on_small_copy(parameters, TrainingParameters()) > 0
    assert prediction_cost(parameters).trainable == 0


@pytest.mark.parametrize(
    "model", ["convnext_large_mlp", "eva02_large_patch14_448", "tf_efficientnetv2_m"]
)
def test_small_copies_are_small_and_learn(model):
    parameters = FusionParameters(model=model, weights="random", drop_path=0.2)
    copy = small_classifier(parameters)
    assert sum(weight.numel() for weight in copy.parameters()) < 10_000_000
    assert step_on_small_copy(parameters, TrainingParameters()) > 0


def test_a_model_without_a_small_copy_says_so():
    with pytest.raises(EncoderError, match="no small copy of 'resnetv2_152x2_bit'"):
        small_classifier(BackboneParameters(model="resnetv2_152x2_bit", weights="random"))
