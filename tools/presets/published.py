"""Published configurations of vision-language models, to build them by without a network.

Source: ``config.json`` of each hub repository; what equals the default of transformers is left out.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError

if TYPE_CHECKING:
    from transformers import LlavaConfig, Qwen2_5_VLConfig

QWEN_VISION: dict[str, Any] = {
    "depth": 32,
    "hidden_size": 1280,
    "num_heads": 16,
    "intermediate_size": 3420,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "tokens_per_second": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
"""The vision tower of every size, but for the width of what it hands on."""

QWEN_TEXT: dict[str, Any] = {
    "max_position_embeddings": 128_000,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [16, 24, 24],
    },
}

QWEN: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-VL-7B-Instruct": {
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18_944,
        "vocab_size": 152_064,
        "tie_word_embeddings": False,
    },
    "Qwen/Qwen2.5-VL-3B-Instruct": {
        "hidden_size": 2048,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "intermediate_size": 11_008,
        "vocab_size": 151_936,
        "tie_word_embeddings": True,
    },
}

LLAVA: dict[str, dict[str, Any]] = {
    "llava-hf/llava-1.5-7b-hf": {
        "text_config": {
            "model_type": "llama",
            "hidden_size": 4096,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "intermediate_size": 11_008,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
            "vocab_size": 32_064,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "projection_dim": 768,
            "image_size": 336,
            "patch_size": 14,
        },
        "vision_feature_layer": -2,
        "image_seq_length": 576,
        "image_token_index": 32_000,
        "pad_token_id": 32_001,
    },
}


def published_configuration(model: str) -> Qwen2_5_VLConfig | LlavaConfig:
    """Give the configuration that a vision-language model was published with.

    Args:
        model: Its hub repository.

    Returns:
        A configuration of transformers, made anew.

    Raises:
        EncoderError: The model's configuration is not written down here.
    """
    from transformers import LlavaConfig, Qwen2_5_VLConfig

    if model in LLAVA:
        return LlavaConfig(**deepcopy(LLAVA[model]))
    if model not in QWEN:
        raise _not_written_down(model)
    text = deepcopy(QWEN_TEXT | QWEN[model])
    vision = deepcopy(QWEN_VISION) | {"out_hidden_size": text["hidden_size"]}
    tied = text["tie_word_embeddings"]
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied)


def narrow_configuration(model: str) -> Any:
    """Give the configuration of a Qwen2.5-VL of the same kinds of layers that a CPU runs at once.

    Args:
        model: The hub repository of the model that is made small.

    Returns:
        A configuration of transformers with one layer and one block, made anew.

    Raises:
        EncoderError: The model's configuration is not written down here.
    """
    config: Any = published_configuration(model)
    text = {"hidden_size": 128, "intermediate_size": 128, "num_attention_heads": 4}
    config.text_config.update(text | {"num_hidden_layers": 1, "vocab_size": 2000})
    config.text_config.layer_types = config.text_config.layer_types[:1]
    config.text_config.rope_parameters["mrope_section"] = [6, 5, 5]
    config.vision_config.update({"hidden_size": 64, "depth": 1, "num_heads": 2})
    config.vision_config.out_hidden_size = config.text_config.hidden_size
    return config


def _not_written_down(model: str) -> EncoderError:
    message = (
        f"The configuration of {model!r} is not written down in models/presets/published.py, which "
        f"knows {', '.join((*QWEN, *LLAVA))}. Name one of these, or add the model's configuration."
    )
    return EncoderError(message)
