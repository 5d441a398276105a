import pytest

from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import (
    QwenVlChatParameters,
    VlmLanguageParameters,
    VlmTowerParameters,
)
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.training.parameters import TrainingParameters
from tools.presets.building import full_encoder, small_classifier
from tools.presets.published import LLAVA, QWEN
from tools.presets.small_step import step_on_small_copy

QWEN_7B, _ = QWEN
(LLAVA_7B,) = LLAVA


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


def test_a_pixel_budget_that_is_too_small_is_named():
    with pytest.raises(EncoderError, match="336 x 336"):
        full_encoder(VlmTowerParameters(model=LLAVA_7B, max_pixels=224 * 224))
