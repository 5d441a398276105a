"""What presets say is read; that their models build and fit is for `make check-presets`."""

import re
import sys
from datetime import date
from functools import cache

import pytest

from chajong.configuration import LOADER_ARGUMENTS, MembersConfigLoader
from chajong.configuration import members_of as read_environment
from chajong.members.cards.weights import check_weights, describe_weights, used_weights
from chajong.members.kinds.backbone import BackboneMemberParameters
from chajong.members.kinds.frozen import FrozenParameters
from chajong.pipelines.ensembling.parameters import EnsemblingParameters
from chajong.training.parameters import AugmentationParameters, MixingParameters
from tools import check_presets
from tools.check_presets import CONFIGURATION, MEMORY, check_member, members_of
from tools.presets.published import LLAVA, QWEN

QWEN_7B, _ = QWEN
(LLAVA_7B,) = LLAVA
ENVIRONMENTS = list(MEMORY)
PRESETS = [
    (environment, member) for environment in ENVIRONMENTS for member in members_of(environment)
]
TRAINED = {"clip", "backbone", "fusion", "vlm"}

WITHOUT_A_COMMIT = {("gpu24", "backbone"), ("gpu24", "fusion")}
"""No public source gives the commit of their weights; see conf/gpu24/members.yml."""


@cache
def row_of(environment, member):
    return check_member(environment, member, members_of(environment)[member])


@pytest.mark.parametrize("environment", [*ENVIRONMENTS, "quick", "cpu"])
def test_every_preset_is_read_and_fetches_its_weights_at_a_commit(environment):
    members = read_environment(CONFIGURATION, environment)
    used = used_weights({each.name: each.parameters.model_dump() for each in members})
    assert {each.member for each in used} >= {
        each.name for each in members if each.kind.name not in {"frozen", "concat"}
    }
    unpinned = {(environment, each.member) for each in used if not each.commit}
    assert unpinned == {each for each in WITHOUT_A_COMMIT if each[0] == environment}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_fusion_starts_from_the_backbone_and_is_of_its_kind(environment):
    members = members_of(environment)
    shared = ("model", "weights", "revision", "image_size", "freeze_batch_norm")
    backbone, fusion = members["backbone"].model, members["fusion"].model
    assert members["fusion"].start == "backbone"
    assert {name: getattr(fusion, name) for name in shared} == {
        name: getattr(backbone, name) for name in shared
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_trained_preset_refuses_to_run_without_a_gpu(environment):
    members = members_of(environment)
    assert {name for name in members if hasattr(members[name], "training")} == TRAINED
    assert {members[name].training.device for name in TRAINED} == {"gpu"}


@pytest.mark.parametrize("environment", ["gpu24", "gpu80"])
def test_photos_are_varied_as_photos_are_and_not_as_the_sample_is(environment):
    members = members_of(environment)
    for name in TRAINED:
        assert members[name].training.augmentation == AugmentationParameters()
    for name in ("backbone", "fusion"):
        assert members[name].training.mixing == MixingParameters()
    assert members["clip"].model.wise_ft_alphas == (0.5, 0.75, 1.0)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_features_of_every_encoder_are_joined(environment):
    members = read_environment(CONFIGURATION, environment)
    (concat,) = (each.parameters for each in members if each.kind.name == "concat")
    frozen = {each.name for each in members if isinstance(each.parameters, FrozenParameters)}
    assert set(concat.encoders) == frozen


def test_the_write_ups_systems_are_all_there_and_keep_the_challenges_rule():
    members = members_of("writeup")
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
    assert (members["vlm"].hints.member, models["vlm"].quantisation) == ("clip", "nf4")
    assert models["fusion"].name_model == "snunlp/KR-SBERT-V40K-klueNLI-augSTS"
    loader = MembersConfigLoader(str(CONFIGURATION), env="writeup", **LOADER_ARGUMENTS)
    rule = EnsemblingParameters.model_validate(loader["parameters"]["ensembling"]).weights_rule
    assert rule.published_before == date(2025, 5, 19)
    used = used_weights({name: model.model_dump() for name, model in models.items()})
    check_weights(describe_weights(used, rule), rule)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_comment_states_the_memory_of_every_trained_member(environment):
    assert set(stated_gigabytes(environment)) == TRAINED


def stated_gigabytes(environment):
    text = (CONFIGURATION / environment / "members.yml").read_text(encoding="utf-8")
    blocks = re.findall(r"((?:^#.*\n)+)^(\w+):$", text, re.MULTILINE)
    found = {member: re.search(r"^# Estimate: (\d+) GB", block, re.M) for block, member in blocks}
    return {member: int(match[1]) for member, match in found.items() if match}


@pytest.mark.presets
@pytest.mark.parametrize(("environment", "member"), PRESETS)
def test_a_preset_builds_trains_and_fits(environment, member):
    row = row_of(environment, member)
    assert row.problem == ""
    assert row.cost.memory_gb < MEMORY[environment]
    assert (row.cost.trainable > 0) == (member in TRAINED)
    if member in TRAINED:
        stated = stated_gigabytes(environment)[member]
        assert stated == pytest.approx(row.cost.memory_gb, abs=1.5)


@pytest.mark.presets
def test_a_preset_that_does_not_fit_says_what_to_change():
    parameters = members_of("gpu24")["backbone"]
    training = parameters.training.model_copy(update={"batch_size": 128})
    larger = parameters.model_copy(update={"training": training})
    row = check_member("gpu24", "backbone", larger)
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
    parameters = members_of("gpu24")[member]
    part = "encoder" if hasattr(parameters, "encoder") else "model"
    misspelt = getattr(parameters, part).model_copy(update=changes)
    row = check_member("gpu24", member, parameters.model_copy(update={part: misspelt}))
    assert row.cost is None
    for word in named:
        assert word in row.problem


def test_the_command_line_says_what_fits_and_ends_with_what_fails(monkeypatch, capsys):
    fits, fails = (
        BackboneMemberParameters(kind="backbone", model={"model": model, "image_size": 64})
        for model in ("test_convnext", "test_convnixt")
    )
    monkeypatch.setattr(check_presets, "members_of", lambda _: {"one": fits, "other": fails})
    monkeypatch.setattr(sys, "argv", ["check_presets", "gpu24"])
    with pytest.raises(SystemExit, match=r"gpu24 other: .*'test_convnixt'"):
        check_presets.main()
    one, other = (line for line in capsys.readouterr().out.splitlines() if line.startswith("gpu24"))
    assert "loss" in one
    assert other.endswith("not built")
