import pytest
import torch

from chajong.encoders.parameters import VlmLanguageParameters, VlmTowerParameters
from chajong.members.backbone.parameters import BackboneParameters
from chajong.members.clip.parameters import ClipParameters
from chajong.training.parameters import TrainingParameters
from tools.presets.building import full_classifier, full_encoder
from tools.presets.cost import RESERVE_GB, Meter, prediction_cost, training_cost
from tools.presets.published import QWEN
from tools.presets.small_step import step_on_small_copy
from tools.presets.vlm_building import PROMPT_TOKENS

QWEN_7B, _ = QWEN
PLAIN = TrainingParameters(batch_size=4, precision="float32")


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


@pytest.mark.presets
def test_a_frozen_text_tower_can_be_sized_and_trained():
    parameters = ClipParameters(
        library="open_clip", model="ViT-B-32-quickgelu", weights="openai", freeze=("text",)
    )
    cost = training_cost(parameters, TrainingParameters(batch_size=4))
    assert 0 < cost.trainable < cost.parameters
    assert step_on_small_copy(parameters, TrainingParameters()) > 0
    assert prediction_cost(parameters).trainable == 0


@pytest.mark.presets
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
