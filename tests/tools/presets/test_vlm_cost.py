import pytest
import torch

from chajong.encoders.encoder import EncoderError
from chajong.members.vlm.name_scoring.trie import build_trie
from chajong.members.vlm.parameters import (
    HintsParameters,
    VlmClassifierParameters,
    VlmTrainingParameters,
)
from tools.presets import vlm_building, vlm_cost
from tools.presets.cost import RESERVE_GB
from tools.presets.published import published_configuration
from tools.presets.qwen_tokens import name_tokens
from tools.presets.vlm_cost import (
    ShapesReader,
    full_vlm_classifier,
    vlm_scoring_cost,
    vlm_training_cost,
)
from tools.presets.vlm_small_step import vlm_step_on_small_copy

QWEN_7B = VlmClassifierParameters(candidates=3)
HINTS = HintsParameters(member="another", count=1)


@pytest.fixture
def shallow(monkeypatch):
    """The published 7B with two layers and two blocks, which is sized in a second."""

    def two_layers(model):
        config = published_configuration(model)
        config.text_config.num_hidden_layers = 2
        config.text_config.layer_types = config.text_config.layer_types[:2]
        config.vision_config.depth = 2
        config.vision_config.fullatt_block_indexes = [1]
        return config

    for module in (vlm_building, vlm_cost):
        monkeypatch.setattr(module, "published_configuration", two_layers)


@pytest.mark.presets
def test_frozen_weights_of_7b_take_4_bits_in_the_language_models_layers_and_16_elsewhere():
    sized = full_vlm_classifier(QWEN_7B)
    linear = 28 * (2 * 3584 * 3584 + 2 * 3584 * 512 + 3 * 3584 * 18944)
    rest = 8_292_166_656 - linear
    assert sized.frozen == pytest.approx(linear * 4.127 / 8 + rest * 2)
    assert sized.unpacked == 2 * 3584 * 18944


@pytest.mark.presets
def test_adapters_of_7b_are_of_rank_16_in_the_language_and_8_in_the_last_blocks():
    trainable = [
        (name, weight)
        for name, weight in full_vlm_classifier(QWEN_7B).model.named_parameters()
        if weight.requires_grad
    ]
    assert {weight.dtype for _, weight in trainable} == {torch.float32}
    ranks = {"visual": set(), "language_model": set()}
    for name, weight in trainable:
        ranks["visual" if ".visual." in name else "language_model"].add(min(weight.shape))
    assert ranks == {"visual": {8}, "language_model": {16}}
    language = 28 * 16 * (2 * 2 * 3584 + 2 * (3584 + 512) + 3 * (3584 + 18944))
    vision = 8 * 8 * ((1280 + 3 * 1280) + 2 * 1280 + 3 * (1280 + 3420))
    assert sum(weight.numel() for _, weight in trainable) == language + vision


@pytest.mark.presets
def test_accumulation_takes_the_memory_of_fewer_photos(shallow):
    at_once = vlm_training_cost(QWEN_7B, VlmTrainingParameters(batch_size=8), HINTS)
    in_four = vlm_training_cost(
        QWEN_7B, VlmTrainingParameters(batch_size=8, gradient_accumulation=4), HINTS
    )
    assert (at_once.photos, in_four.photos) == (8, 2)
    assert in_four.memory_gb < at_once.memory_gb
    assert in_four.operations == at_once.operations
    assert in_four.memory_gb > full_vlm_classifier(QWEN_7B).frozen / 1e9 + RESERVE_GB


@pytest.mark.presets
def test_computing_activations_twice_takes_less_memory_and_more_work(shallow):
    twice, kept = (
        vlm_training_cost(
            QWEN_7B,
            VlmTrainingParameters(batch_size=8, gradient_checkpointing=checkpointing),
            HINTS,
        )
        for checkpointing in (True, False)
    )
    assert twice.memory_gb < kept.memory_gb
    assert kept.operations < twice.operations < 2 * kept.operations


@pytest.mark.presets
def test_a_pass_does_the_operations_of_its_layers(shallow):
    """There, there again, and back: frozen weights need no gradient of their own."""
    cost = vlm_training_cost(QWEN_7B, VlmTrainingParameters(batch_size=2), HINTS)
    model = full_vlm_classifier(QWEN_7B).model
    language = model.reader.network.model.language_model.layers
    weights = sum(each.numel() for each in language.parameters() if not each.requires_grad)
    photo_tokens = (392 // 28) * (504 // 28)
    assert cost.operations > 3 * 2 * weights * photo_tokens


@pytest.mark.presets
def test_all_names_take_more_than_the_candidates(shallow):
    few, all_names = (vlm_scoring_cost(QWEN_7B, hints) for hints in (HINTS, HintsParameters()))
    assert (few.trainable, few.photos) == (0, QWEN_7B.prediction_batch_size)
    assert all_names.operations > 5 * few.operations
    assert all_names.memory_gb > few.memory_gb


@pytest.mark.presets
def test_names_have_the_tokens_of_qwen_and_an_end():
    model = full_vlm_classifier(QWEN_7B).model
    assert isinstance(model.reader, ShapesReader)
    spelled = [model.reader.name_tokens(name) for name in model.names]
    trie = build_trie(spelled)
    assert [len(tokens) - 1 for tokens in spelled] == [
        len(name_tokens()[name]) for name in model.names
    ]
    assert (len(spelled), trie.inner) == (391, 5104)


def test_a_model_of_another_kind_is_named():
    llava = VlmClassifierParameters(model="llava-hf/llava-1.5-7b-hf")
    with pytest.raises(EncoderError, match=r"'llava-hf/llava-1\.5-7b-hf', a 'llava'"):
        vlm_training_cost(llava, VlmTrainingParameters())


def test_a_small_copy_in_4_bits_learns_in_a_step():
    before, after = (
        vlm_step_on_small_copy(QWEN_7B, VlmTrainingParameters(learning_rate=rate), HINTS)
        for rate in (0.0, 1e-3)
    )
    assert 0 < after < before
