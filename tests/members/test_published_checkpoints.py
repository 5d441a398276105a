"""Names and shapes of published checkpoints against what each loader asks for, without numbers."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import open_clip
import pytest
import torch
from published_lists import (
    published_layers,
    published_tensors,
    size_as_safetensors,
    size_of_numbers,
)
from transformers import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_MAPPING,
    AutoModelForImageTextToText,
    BertConfig,
    BitsAndBytesConfig,
    CLIPConfig,
    Dinov2Config,
    Qwen2VLConfig,
    SiglipConfig,
)
from transformers.integrations.bitsandbytes import replace_with_bnb_linear

from chajong.encoders import qwen_vl_chat, sharded_weights, vlm_towers
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import (
    PretrainedParameters,
    QwenVlChatParameters,
    VlmTowerParameters,
)
from chajong.encoders.qwen_vl_chat import QwenVlChatSizes
from chajong.encoders.sharded_weights import ShardedWeights
from chajong.encoders.timm_models import fit_timm_weights, load_timm_model
from chajong.encoders.weights import check_complete, fit_weights
from chajong.members.vlm.adapters import lora_configuration
from chajong.members.vlm.base_model import FULL_PRECISION, is_in_four_bits
from chajong.members.vlm.parameters import LoraParameters
from tools.presets.published import LLAVA, QWEN, published_configuration

QWEN_7B, QWEN_3B = QWEN
(LLAVA_7B,) = LLAVA
NO_DEVICE = torch.device("meta")
HALF = (0.5, 0.5, 0.5)


def qwen2_vl():
    text = {**QWEN[QWEN_7B], "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}
    text["rope_parameters"]["mrope_section"] = [16, 24, 24]
    vision = {"depth": 32, "embed_dim": 1280, "hidden_size": 3584, "mlp_ratio": 4, "num_heads": 16}
    return Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)


def siglip():
    shared = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27}
    shared["num_attention_heads"] = 16
    vision = {**shared, "image_size": 384, "patch_size": 14}
    return SiglipConfig(text_config={**shared, "vocab_size": 32_000}, vision_config=vision)


def dinov2():
    return Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14)


# A manifest's total_size counts the numbers, in the precision of the file.
@pytest.mark.parametrize(
    ("name", "dtype", "tensors", "size"),
    [
        ("qwen2_5_vl_7b", torch.bfloat16, 729, 16_584_333_312),
        ("qwen2_5_vl_3b", torch.bfloat16, 824, 2 * 3_754_622_976),
        ("qwen2_vl_7b", torch.bfloat16, 730, 16_582_751_232),
        ("llava_1_5_7b", torch.float16, 686, 14_126_854_144),
        ("qwen_vl_chat", torch.bfloat16, 853, 19_313_870_336),
    ],
)
def test_a_list_adds_up_to_the_total_of_the_published_index(name, dtype, tensors, size):
    listed = published_tensors(name, dtype)
    assert (len(listed), size_of_numbers(listed)) == (tensors, size)


@pytest.mark.parametrize(
    ("name", "described", "size"),
    [
        ("clip_b32_transformers", True, 605_157_884),
        ("clip_b32_open_clip", False, 605_143_284),
        ("clip_b32_256_open_clip", False, 605_189_364),
        ("dinov2_small_transformers", True, 88_249_960),
        ("siglip_so400m_384_transformers", True, 3_511_950_624),
    ],
)
def test_a_list_makes_a_file_as_long_as_the_published_one(name, described, size):
    listed = published_tensors(name, torch.float32)
    assert size_as_safetensors(listed, described=described) == size


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("dinov2_large_reg4_timm", 1220),
        ("efficientnet_b4_timm", 77.9),
        ("convnext_base_timm", 354),
        ("convnext_large_timm", 801),
        ("eva02_large_timm", 1220),
        ("efficientnetv2_m_timm", 218),
        ("dfn2b_l14_open_clip", 1710),
        ("kr_sbert_transformers", 467),
    ],
)
def test_a_list_makes_a_file_of_the_size_that_the_hub_shows(name, megabytes):
    listed = published_tensors(name, torch.float32)
    assert float(f"{size_as_safetensors(listed) / 1e6:.3g}") == megabytes


def test_a_list_leaves_of_a_file_of_torch_what_is_written_around_each_tensor():
    listed = published_tensors("dfn5b_h14_378_open_clip", torch.float32)
    rest = 3_947_081_637 - size_of_numbers(listed)
    assert 300 < rest / len(listed) < 350  # A missing matrix adds thousands.


@pytest.mark.parametrize(
    ("name", "config", "left_over"),
    [
        ("qwen2_5_vl_7b", lambda: published_configuration(QWEN_7B), {"lm_head.weight"}),
        ("qwen2_5_vl_3b", lambda: published_configuration(QWEN_3B), set()),
        ("qwen2_vl_7b", qwen2_vl, {"lm_head.weight"}),
        (
            "llava_1_5_7b",
            lambda: published_configuration(LLAVA_7B),
            {"language_model.lm_head.weight"},
        ),
    ],
)
def test_a_vision_language_model_takes_every_tensor_of_the_list(name, config, left_over):
    for mapping, expected in (
        (MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, set()),
        (MODEL_MAPPING, left_over),  # without its head, as an encoder
    ):
        report = loaded_without_numbers(mapping, config(), published_tensors(name, torch.bfloat16))
        check_complete(report, name)
        assert report["unexpected_keys"] == expected


# Numbers of positions that old versions saved are computed today.
POSITIONS = {
    "embeddings.position_ids",
    "text_model.embeddings.position_ids",
    "vision_model.embeddings.position_ids",
}


@pytest.mark.parametrize(
    ("name", "config", "left_over"),
    [
        ("clip_b32_transformers", CLIPConfig, POSITIONS),
        ("siglip_so400m_384_transformers", siglip, set()),
        ("dinov2_small_transformers", dinov2, set()),
        ("kr_sbert_transformers", lambda: BertConfig(vocab_size=40_000), POSITIONS),
    ],
)
def test_a_model_of_transformers_takes_every_tensor_of_the_list(name, config, left_over):
    listed = published_tensors(name, torch.float32)
    report = loaded_without_numbers(MODEL_MAPPING, config(), listed)
    check_complete(report, name)
    assert report["unexpected_keys"] <= left_over


def test_a_tensor_that_the_list_lacks_is_missed():
    listed = published_tensors("dinov2_small_transformers", torch.float32)
    del listed["encoder.layer.11.attention.attention.key.bias"]
    report = loaded_without_numbers(MODEL_MAPPING, dinov2(), listed)
    with pytest.raises(EncoderError, match=r"k_proj\.bias is missing"):
        check_complete(report, "DINOv2")


def loaded_without_numbers(mapping, config, tensors):
    """Load as `from_pretrained` does, renames included, and return what it tells."""
    _, report = mapping[type(config)].from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        dtype=next(iter(tensors.values())).dtype,
        device_map={"": "meta"},
        output_loading_info=True,
    )
    return report


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("clip_b32_open_clip", "ViT-B-32-quickgelu"),
        ("clip_b32_256_open_clip", "ViT-B-32-256"),
        ("dfn2b_l14_open_clip", "ViT-L-14-quickgelu"),
        ("dfn5b_h14_378_open_clip", "ViT-H-14-378-quickgelu"),
        ("siglip_so400m_384_open_clip", "ViT-SO400M-14-SigLIP-384"),
    ],
)
def test_open_clips_model_takes_every_tensor_of_the_list(name, model):
    with NO_DEVICE:
        network = open_clip.create_model(model, load_weights=False, device=NO_DEVICE)
    fit_weights(network, published_tensors(name, torch.float32), model)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("dinov2_large_reg4_timm", "vit_large_patch14_reg4_dinov2.lvd142m"),
        ("efficientnet_b4_timm", "efficientnet_b4.ra2_in1k"),
        ("convnext_base_timm", "convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384"),
        ("convnext_large_timm", "convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_384"),
        ("eva02_large_timm", "eva02_large_patch14_448.mim_m38m_ft_in22k_in1k"),
        ("efficientnetv2_m_timm", "tf_efficientnetv2_m.in21k_ft_in1k"),
    ],
)
def test_timms_model_takes_every_tensor_of_the_list_but_the_classifiers(name, model):
    with NO_DEVICE:
        network = load_timm_model(
            PretrainedParameters(library="timm", model=model, weights="random")
        ).network
    fit_timm_weights(network, published_tensors(name, torch.float32), model)


@pytest.fixture
def published_file(monkeypatch):
    """Let loaders of towers read a list, as if the file were there and had no numbers."""

    def read(name, config):
        listed = published_tensors(name, torch.bfloat16)
        weights = ShardedWeights(name, dict.fromkeys(listed, "model.safetensors"), Path)

        @contextmanager
        def opened(path, device):
            yield SimpleNamespace(get_tensor=listed.__getitem__)

        monkeypatch.setattr(sharded_weights, "_open", opened)
        monkeypatch.setattr(vlm_towers, "model_files", lambda parameters: None)
        monkeypatch.setattr(vlm_towers, "open_sharded_weights", lambda files: weights)
        monkeypatch.setattr(vlm_towers, "best_device", lambda: NO_DEVICE)
        monkeypatch.setattr(vlm_towers, "normalisation", lambda parameters: (HALF, HALF))
        monkeypatch.setattr(vlm_towers, "load_vlm_config", lambda parameters: config)
        monkeypatch.setattr(qwen_vl_chat, "read_sizes", lambda parameters: QwenVlChatSizes())
        return listed

    return read


@pytest.mark.parametrize(
    ("name", "config", "prefixes"),
    [
        ("qwen2_5_vl_7b", lambda: published_configuration(QWEN_7B), ("visual.",)),
        ("qwen2_5_vl_3b", lambda: published_configuration(QWEN_3B), ("visual.",)),
        ("qwen2_vl_7b", qwen2_vl, ("visual.",)),
        (
            "llava_1_5_7b",
            lambda: published_configuration(LLAVA_7B),
            ("vision_tower.", "multi_modal_projector."),
        ),
    ],
)
def test_a_tower_takes_every_tensor_of_its_part(published_file, name, config, prefixes):
    listed = published_file(name, config())
    tower = vlm_towers.load_vlm_tower(VlmTowerParameters(model=name)).network
    part = {key: tensor for key, tensor in listed.items() if key.startswith(prefixes)}
    assert len(tower.state_dict()) == len(part)
    assert sum(each.numel() for each in tower.parameters()) == size_of_numbers(part) / 2


def test_qwen_vl_chats_tower_takes_every_tensor_of_its_part(published_file):
    listed = published_file("qwen_vl_chat", None)
    tower = qwen_vl_chat.load_qwen_vl_chat_tower(QwenVlChatParameters()).network
    part = {name for name in listed if name.startswith("transformer.visual.")}
    assert {f"transformer.visual.{name}" for name in tower.state_dict()} == part


@pytest.mark.parametrize(
    ("name", "model", "changed", "packed"),
    [
        ("layers_qwen2_5_vl_7b", QWEN_7B, 28 * 7 + 8 * 5, 28 * 7),
        ("layers_qwen2_5_vl_3b", QWEN_3B, 36 * 7 + 8 * 5, 36 * 7),
        ("layers_llava_1_5_7b", LLAVA_7B, 32 * 7 + 8 * 6, 32 * 7),
    ],
)
def test_every_linear_layer_has_the_rank_and_the_bits_of_the_list(name, model, changed, packed):
    listed = published_layers(name)
    with NO_DEVICE:
        network = AutoModelForImageTextToText.from_config(published_configuration(model))
    ranks = ranks_of_changes(network)
    linear = {
        layer: (ranks.get(layer, 0), 4 if is_in_four_bits(layer) else 16)
        for layer, module in network.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    assert linear == listed
    assert sum(rank > 0 for rank, _ in listed.values()) == changed
    assert sum(bits == 4 for _, bits in listed.values()) == packed
    assert layers_that_are_packed(network) == {
        layer for layer, (_, bits) in listed.items() if bits == 4
    }


def ranks_of_changes(network):
    """Ask peft, which layers and ranks the configuration means."""
    from peft import inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    configuration = lora_configuration(network, LoraParameters())
    with NO_DEVICE:
        copy = type(network)._from_config(network.config)
        adapted = inject_adapter_in_model(configuration, copy)
    return {
        name: layer.r["default"]
        for name, layer in adapted.named_modules()
        if isinstance(layer, LoraLayer)
    }


def layers_that_are_packed(network):
    """Ask transformers, which layers it packs where the rest is to stay as it is."""
    settings = BitsAndBytesConfig(load_in_4bit=True)
    packed = replace_with_bnb_linear(network, list(FULL_PRECISION), settings)
    return {name for name, layer in packed.named_modules() if type(layer).__name__ == "Linear4bit"}
