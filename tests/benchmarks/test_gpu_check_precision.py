"""What is measured is multiplied as runs on the same card multiply; the cards are made up."""

from contextlib import nullcontext

import pytest
import torch
from tiny_classifier import build_tiny
from torch import backends

from benchmarks.gpu_check import extraction
from benchmarks.gpu_check.extraction import ENCODERS
from benchmarks.gpu_check.optimiser_step import OptimiserStep
from benchmarks.gpu_check.precision import InFloat32
from benchmarks.gpu_check.random_models import random_encoder
from chajong.device import float32_settings_kept
from chajong.encoders import views
from chajong.members.vlm.parameters import VlmTrainingParameters
from chajong.training.parameters import TrainingParameters


@pytest.fixture
def old_card(monkeypatch):
    """Put a card into the machine that only emulates bfloat16."""

    def has_bfloat16(including_emulation=True):
        return including_emulation

    found = torch.device("cuda")
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: found)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", has_bfloat16)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Card 7.5")


@pytest.mark.usefixtures("old_card")
@pytest.mark.parametrize(
    ("training", "expected"),
    [(TrainingParameters(), [("cuda", torch.float16)]), (VlmTrainingParameters(), [])],
)
def test_a_step_is_timed_in_the_precision_that_the_card_trains_in(monkeypatch, training, expected):
    seen = []

    def autocast(device, dtype):
        seen.append((device, dtype))
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    model = build_tiny().train()
    labels = torch.tensor([0, 1])
    photos = torch.zeros(2, 3, *model.image_size, dtype=torch.uint8)
    batch = (photos, labels, labels, torch.ones(2))
    OptimiserStep(model, training, batch, compiled=False)._pass()
    assert seen == expected


@pytest.mark.usefixtures("old_card")
def test_the_ceiling_is_a_product_in_the_precision_of_the_card(monkeypatch):
    monkeypatch.setattr(extraction, "best_device", lambda: torch.device("cpu"))
    assert extraction._ceiling(8).note == "product of two 8 x 8 matrices in float16"


def test_what_the_others_are_compared_with_is_multiplied_in_float32():
    seen = []

    def network(photos):
        kinds = (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul)
        seen.extend(kind.fp32_precision for kind in kinds)
        return photos

    with float32_settings_kept():
        backends.fp32_precision = "tf32"
        InFloat32(network)(torch.zeros(1))
    assert seen == ["ieee", "ieee", "ieee"]


@pytest.mark.parametrize(("name", "wide"), [("ViT-B/32", False), ("tower of Qwen2.5-VL", True)])
def test_a_tower_runs_in_the_precision_of_vision_language_models(monkeypatch, name, wide):
    asked = []

    def precision(*, wide_range):
        asked.append(wide_range)
        return torch.float32

    monkeypatch.setattr(views, "best_precision", precision)
    random_encoder(ENCODERS[name], dry=True)
    assert asked == [wide]
