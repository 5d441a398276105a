"""Low-rank changes to the language model and to the last blocks of the vision tower."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from chajong.members.vlm.parameters import LoraParameters, VlmClassifierParameters

LANGUAGE_LAYERS = (
    r"language_model\.layers\.\d+\."
    r"(?:self_attn\.(?:q_proj|k_proj|v_proj|o_proj)|mlp\.(?:gate_proj|up_proj|down_proj))"
)
QWEN_BLOCKS = r"visual\.blocks\.(?:{blocks})\."
VISION_LAYERS = {
    "qwen2_5_vl": QWEN_BLOCKS + r"(?:attn\.(?:qkv|proj)|mlp\.(?:gate_proj|up_proj|down_proj))",
    "qwen2_vl": QWEN_BLOCKS + r"(?:attn\.(?:qkv|proj)|mlp\.(?:fc1|fc2))",
    "llava": (
        r"vision_tower\..*layers\.(?:{blocks})\."
        r"(?:self_attn\.(?:q_proj|k_proj|v_proj|out_proj)|mlp\.(?:fc1|fc2))"
    ),
}
"""The linear layers of a vision tower's blocks, by the kind of model."""

ADAPTER = "default"
"""What peft calls an adapter that was given no name."""

HEAD_FILE = "head.safetensors"


def lora_configuration(network: Any, parameters: LoraParameters) -> Any:
    """Say which layers get changes, and of which rank.

    Args:
        network: A network of transformers, which tells its kind and how deep its tower is.
        parameters: Ranks, scale and dropout.

    Returns:
        A configuration of peft. The scale of a change is alpha / rank in both parts.
    """
    from peft import LoraConfig

    targets, ranks, scales = LANGUAGE_LAYERS, {}, {}
    if parameters.vision_blocks:
        vision = _vision_layers(network.config, parameters.vision_blocks)
        targets = rf"{targets}|{vision}"
        ranks = {vision: parameters.vision_rank}
        scales = {vision: parameters.alpha * parameters.vision_rank / parameters.rank}
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=parameters.rank,
        lora_alpha=parameters.alpha,
        lora_dropout=parameters.dropout,
        target_modules=rf".*(?:{targets})",
        rank_pattern=ranks,
        alpha_pattern=scales,
    )


def _vision_layers(config: Any, last_blocks: int) -> str:
    vision = config.vision_config
    if config.model_type == "llava":
        # Its language model reads an earlier block than the last, counted from the end.
        depth = vision.num_hidden_layers + config.vision_feature_layer + 1
    else:
        depth = vision.depth
    blocks = "|".join(str(block) for block in range(max(0, depth - last_blocks), depth))
    return VISION_LAYERS[config.model_type].format(blocks=blocks)


def add_adapters(network: Any, parameters: VlmClassifierParameters) -> Any:
    """Put changes on a network, which do nothing until they are trained.

    Source: Hu et al., LoRA (ICLR 2022), section 4.

    Args:
        network: The network, changed in place; its own weights stay frozen.
        parameters: The changes, and the seed of what they start from.

    Returns:
        A model of peft.
    """
    from peft import get_peft_model

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft asks transformers for something by its former name.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", module=".*")
        torch.manual_seed(parameters.seed)
        return get_peft_model(network, lora_configuration(network, parameters.lora))
