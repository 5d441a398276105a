import re
import runpy
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import torch
from chajong.predictions.members import FROZEN_MEMBERS
from kedro.config import OmegaConfigLoader
from transformers import AutoModelForImageTextToText

from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import (
    QwenVlChatParameters,
    VlmLanguageParameters,
    VlmTowerParameters,
)
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.cards.weights import check_weights, describe_weights, used_weights
from chajong.members.clip.parameters import ClipParameters
from chajong.pipelines.ensembling.parameters import EnsemblingParameters
from chajong.settings import CONFIG_LOADER_ARGS
from chajong.training.parameters import (
    AugmentationParameters,
    MixingParameters,
    TrainingParameters,
)
from tools.presets.building import full_classifier, full_encoder, small_classifier
from tools.presets.cost import RESERVE_GB, Meter, prediction_cost, training_cost
from tools.presets.published import LLAVA, QWEN, published_configuration
from tools.presets.small_step import step_on_small_copy
from tools.presets.vlm_building import PROMPT_TOKENS

PROJECT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(PROJECT / "benchmarks" / "presets.py"))
ENVIRONMENTS = list(SCRIPT["MEMORY"])
PRESETS = [
    (environment, member)
    for environment in ENVIRONMENTS
    for member in SCRIPT["members_of"](environment)
]
TRAINED = {"clip", "backbone", "fusion", "vlm"}
PLAIN = TrainingParameters(batch_size=4, precision="float32")


@cache
def row_of(environment, member):
    parameters = SCRIPT["members_of"](environment)[member]
    return SCRIPT["check_member"](environment, member, parameters)


@pytest.mark.parametrize(("environment", "member"), PRESETS)
def test_a_preset_builds_trains_and_fits(environment, member):
    row = row_of(environment, member)
    assert row.problem == ""
    assert row.cost.memory_gb < SCRIPT["MEMORY"][environment]
    assert (row.cost.trainable > 0) == (member in TRAINED)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_fusion_starts_from_a_backbone_of_its_own_kind(environment):
    members = SCRIPT["members_of"](environment)
    shared = ("model", "weights", "revision", "image_size", "freeze_batch_norm")
    backbone, fusion = members["backbone"].model, members["fusion"].model
    assert fusion.start == "backbone"
    assert {name: getattr(fusion, name) for name in shared} == {
        name: getattr(backbone, name) for name in shared
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_trained_preset_refuses_to_run_without_a_gpu(environment):
    members = SCRIPT["members_of"](environment)
    assert {members[name].training.device for name in TRAINED} == {"gpu"}


@pytest.mark.parametrize("environment", ["gpu24", "gpu80"])
def test_photos_are_varied_as_photos_are_and_not_as_the_sample_is(environment):
    members = SCRIPT["members_of"](environment)
    for name in TRAINED:
        assert members[name].training.augmentation == AugmentationParameters()
    for name in ("backbone", "fusion"):
        assert members[name].training.mixing == MixingParameters()
    assert members["clip"].model.wise_ft_alphas == (0.5, 0.75, 1.0)


@pytest.mark.parametrize(("environment", "member"), PRESETS)
def test_a_presets_comment_states_the_estimate(environment, member):
    stated = stated_gigabytes(environment)
    assert (member in stated) == (member in TRAINED)
    if member in stated:
        assert stated[member] == pytest.approx(row_of(environment, member).cost.memory_gb, abs=1.5)


def stated_gigabytes(environment):
    files = (PROJECT / "conf" / environment).glob("*/parameters.yml")
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    blocks = re.findall(r"((?:^#.*\n)+)^(\w+):$", text, re.MULTILINE)
    found = {member: re.search(r"^# Estimate: (\d+) GB", block, re.M) for block, member in blocks}
    return {member: int(match[1]) for member, match in found.items() if match}


def test_the_write_ups_systems_are_all_there_and_keep_the_challenges_rule():
    members = SCRIPT["members_of"]("writeup")
    models = {
        name: getattr(member, "encoder", None) or member.model for name, member in members.items()
    }
    assert {name: model.model for name, model in models.items()} == {
        "clip_frozen": "ViT-B-32-quickgelu",
        "qwen_vl_chat": "Qwen/Qwen-VL-Chat",
        "llava": LLAVA_7B,
        "clip": "ViT-B-32-quickgelu",
        "clip_zero_shot": "ViT-B-32-quickgelu",
        "backbone": "efficientnet_b4.ra2_in1k",
        "fusion": "efficientnet_b4.ra2_in1k",
        "vlm": QWEN_7B,
    }
    assert (models["vlm"].hints.member, models["vlm"].quantisation) == ("clip", "nf4")
    assert models["fusion"].name_model == "snunlp/KR-SBERT-V40K-klueNLI-augSTS"
    parameters = loaded_parameters("writeup")
    assert set(parameters["concat"]["encoders"]) == set(members) & set(FROZEN_MEMBERS)
    rule = EnsemblingParameters.model_validate(parameters["ensembling"]).weights_rule
    assert rule.published_before == date(2025, 5, 19)
    used = used_weights({name: model.model_dump() for name, model in models.items()})
    check_weights(describe_weights(used, rule), rule)


def loaded_parameters(environment):
    arguments = CONFIG_LOADER_ARGS | {"default_run_env": environment}
    return OmegaConfigLoader(str(PROJECT / "conf"), **arguments)["parameters"]


def test_a_preset_that_does_not_fit_says_what_to_change():
    parameters = SCRIPT["members_of"]("gpu24")["backbone"]
    training = parameters.training.model_copy(update={"batch_size": 128})
    larger = parameters.model_copy(update={"training": training})
    row = SCRIPT["check_member"]("gpu24", "backbone", larger)
    assert "GB of 24: raise `training.gradient_accumulation`" in row.problem


@pytest.mark.parametrize(
    ("member", "changes", "named"),
    [
        ("backbone", {"model": "convnext_bose"}, ["convnext_bose", "convnext_base"]),
        ("backbone", {"model": "convnext_base.clip_laion3b"}, ["convnext_base.clip_laion3b"]),
        ("clip", {"model": "ViT-L-41"}, ["'ViT-L-41'", "ViT-L-14"]),
        ("clip", {"weights": "dfn3b"}, ["'dfn3b' for 'ViT-L-14-quickgelu'", "dfn2b"]),
        ("clip_frozen", {"model": "ViT-SO400"}, ["'ViT-SO400'"]),
        ("qwen_tower", {"model": "Qwen/Qwen2.5-VL-7B"}, ["'Qwen/Qwen2.5-VL-7B'", *QWEN]),
    ],
)
def test_a_misspelt_preset_is_named(member, changes, named):
    parameters = SCRIPT["members_of"]("gpu24")[member]
    part = "encoder" if hasattr(parameters, "encoder") else "model"
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
    halves = TrainingParameters(batch_size=64, gradient_accumulation=2)
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


QWEN_7B, QWEN_3B = QWEN
(LLAVA_7B,) = LLAVA


# How many parameters the hub's pages say that the models have.
@pytest.mark.parametrize(
    ("model", "count"),
    [(QWEN_7B, 8_292_166_656), (QWEN_3B, 3_754_622_976), (LLAVA_7B, 7_063_427_072)],
)
def test_a_published_configuration_has_as_many_parameters_as_the_hub_says(model, count):
    with torch.device("meta"):
        network = AutoModelForImageTextToText.from_config(published_configuration(model))
    assert sum(weight.numel() for weight in network.parameters()) == count


def test_a_published_configuration_can_be_changed_without_changing_the_next():
    changed = published_configuration(QWEN_7B)
    changed.text_config.rope_parameters["mrope_section"][0] = 0
    changed.vision_config.fullatt_block_indexes.clear()
    fresh = published_configuration(QWEN_7B)
    assert fresh.text_config.rope_parameters["mrope_section"] == [16, 24, 24]
    assert fresh.vision_config.fullatt_block_indexes == [7, 15, 23, 31]


@pytest.mark.parametrize(
    ("parameters", "millions", "size"),
    [
        (VlmTowerParameters(model=QWEN_7B), 676.6, (392, 504)),
        (VlmTowerParameters(model=LLAVA_7B), 324.5, (336, 336)),
        (VlmLanguageParameters(model=LLAVA_7B), 6932.1, (336, 336)),
        (QwenVlChatParameters(), 1935.6, (448, 448)),
    ],
)
def test_an_encoder_of_a_vision_language_model_is_sized_in_bfloat16(parameters, millions, size):
    network, shape = full_encoder(parameters)
    weights = list(network.parameters())
    count = sum(weight.numel() for weight in weights)
    assert count / 1e6 == pytest.approx(millions, abs=0.1)
    assert sum(weight.nbytes for weight in weights) == pytest.approx(2 * count, rel=1e-3)
    assert shape == size


@pytest.mark.parametrize("kind", [VlmTowerParameters, VlmLanguageParameters])
def test_a_vision_language_models_operations_are_those_of_its_products(kind):
    """Two a weight and token at least, and little more: attention is the smaller part."""
    parameters = kind(model=QWEN_7B, batch_size=1, max_pixels=112 * 112, aspect_ratio=1)
    network, (height, width) = full_encoder(parameters)
    tower = network.tower if kind is VlmTowerParameters else network.model.visual
    products = 2 * (height // 14) * (width // 14) * weights_of_products(tower.blocks)
    if kind is VlmLanguageParameters:
        tokens = (height // 28) * (width // 28) + PROMPT_TOKENS
        products += 2 * tokens * weights_of_products(network.model.language_model.layers)
    assert products < prediction_cost(parameters).operations < 1.1 * products


def weights_of_products(layers):
    return sum(weight.numel() for weight in layers.parameters() if weight.ndim == 2)


def test_a_pixel_budget_that_is_too_small_is_named():
    with pytest.raises(EncoderError, match="336 x 336"):
        full_encoder(VlmTowerParameters(model=LLAVA_7B, max_pixels=224 * 224))
