"""Which precision which card computes in; the cards are made up."""

import logging

import pytest
import torch

from chajong import device
from chajong.device import best_precision
from chajong.encoders.building import encoder_key
from chajong.encoders.parameters import PretrainedParameters, VlmTowerParameters
from chajong.members.vlm.base_model import working_precision
from chajong.members.vlm.parameters import VlmTrainingParameters
from chajong.training import engine
from chajong.training.parameters import TrainingParameters


@pytest.fixture
def card(monkeypatch):
    """Return what puts a card into the machine: 7.5 emulates bfloat16, 8.0 and later have it."""

    def put_in(capability):
        def has_bfloat16(including_emulation=True):
            return including_emulation or capability >= 8

        found = torch.device("cuda")
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", has_bfloat16)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: f"Card {capability}")

    device._say_that_bfloat16_is_emulated.cache_clear()
    return put_in


@pytest.mark.parametrize(
    ("capability", "precision", "wide"),
    [(8.0, torch.bfloat16, torch.bfloat16), (7.5, torch.float16, torch.float32)],
)
def test_a_card_computes_in_what_it_has(card, capability, precision, wide):
    card(capability)
    assert best_precision() == precision
    assert best_precision(wide_range=True) == working_precision() == wide


def test_emulation_is_said_once(card, caplog):
    card(7.5)
    with caplog.at_level(logging.WARNING):
        best_precision()
        best_precision(wide_range=True)
    [said] = caplog.messages
    assert said.startswith("Card 7.5 only emulates bfloat16.")
    assert "float16 instead" in said


def test_a_card_with_bfloat16_is_worth_no_word(card, caplog):
    card(9.0)
    with caplog.at_level(logging.WARNING):
        best_precision()
    assert not caplog.messages


def test_features_of_another_precision_are_others(card, tmp_path):
    timm = PretrainedParameters(library="timm", model="test_vit", weights="random")
    keys = {encoder_key(timm)}
    for capability in (7.5, 8.0):
        card(capability)
        keys.add(encoder_key(timm))
    assert len(keys) == 3


def test_a_vision_language_tower_in_float32_has_the_features_of_the_cpu(card, tmp_path):
    tower = VlmTowerParameters(model="a/tower", weights=str(tmp_path))
    on_cpu = encoder_key(tower)
    card(7.5)
    assert encoder_key(tower) == on_cpu
    card(8.0)
    assert encoder_key(tower) != on_cpu


@pytest.mark.parametrize(
    ("capability", "parameters", "expected"),
    [
        (8.0, TrainingParameters(), {"bf16": True, "fp16": False}),
        (7.5, TrainingParameters(), {"bf16": False, "fp16": True}),
        (8.0, VlmTrainingParameters(), {"bf16": True, "fp16": False}),
        (7.5, VlmTrainingParameters(), {"bf16": False, "fp16": False}),
        (8.0, TrainingParameters(precision="float32"), {"bf16": False, "fp16": False}),
    ],
)
def test_training_computes_in_what_the_card_has(card, capability, parameters, expected):
    card(capability)
    assert engine._precision(parameters) == expected
