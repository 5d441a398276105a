"""Low-rank changes to the language model and to the last blocks of the vision tower."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from chajong.models.checkpoint import CheckpointError
from chajong.models.encoders.weights import weights_identity

if TYPE_CHECKING:
    from chajong.models.vlm_finetune.parameters import LoraParameters, VlmClassifierParameters

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

CONFIGURATION_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
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
    depth = vision.depth if hasattr(vision, "depth") else vision.num_hidden_layers
    blocks = "|".join(str(block) for block in range(max(0, depth - last_blocks), depth))
    return VISION_LAYERS[config.model_type].format(blocks=blocks)


def add_adapters(network: Any, parameters: VlmClassifierParameters) -> Any:
    """Put changes on a network, which do nothing until they are trained.

    Source: Hu et al., LoRA (ICLR 2022), section 4.

    Args:
        network: The network, changed in place; its own weights stay frozen.
        parameters: The changes, and an earlier adapter to take them from.

    Returns:
        A model of peft.
    """
    from peft import get_peft_model

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft asks transformers for something by its former name.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", module=".*")
        torch.manual_seed(parameters.seed)
        adapted = get_peft_model(network, lora_configuration(network, parameters.lora))
    if parameters.adapter is not None:
        from peft import load_peft_weights, set_peft_model_state_dict

        weights = load_peft_weights(str(Path(parameters.adapter).expanduser()), device="cpu")
        try:
            refused = set_peft_model_state_dict(adapted, weights).unexpected_keys
        except RuntimeError as error:  # another rank in the vision tower
            raise _other_layers(parameters, str(error)) from error
        if refused:
            raise _other_layers(parameters, refused[0])
    return adapted


def _other_layers(parameters: VlmClassifierParameters, what: str) -> CheckpointError:
    message = (
        f"The adapter {parameters.adapter} has other layers than `vlm.model.lora` asks for: give "
        f"its `vision_blocks` and `vision_rank` ({what})."
    )
    return CheckpointError(message)


def check_adapter(parameters: VlmClassifierParameters) -> None:
    """See, before any weight is read, that an earlier adapter belongs to this model.

    Raises:
        CheckpointError: There is none, or it belongs to another model, has changes of another rank or
            scale, or lacks a head.
    """
    if parameters.adapter is None:
        return
    file = Path(parameters.adapter).expanduser() / CONFIGURATION_FILE
    if not file.exists():
        message = (
            f"There is no adapter in {parameters.adapter}: {file} does not exist. Give the folder "
            "that holds it as `vlm.model.adapter`."
        )
        raise CheckpointError(message)
    saved = json.loads(file.read_text(encoding="utf-8"))
    if saved["base_model_name_or_path"] != parameters.model:
        message = (
            f"The adapter {parameters.adapter} was trained on {saved['base_model_name_or_path']!r} "
            f"and `vlm.model.model` is {parameters.model!r}: adapters fit no other model. Name the "
            "one that it was trained on."
        )
        raise CheckpointError(message)
    for key, setting in (("r", "rank"), ("lora_alpha", "alpha")):
        wanted = getattr(parameters.lora, setting)
        if saved[key] != wanted:
            message = (
                f"The adapter {parameters.adapter} has {setting} {saved[key]} and "
                f"`vlm.model.lora.{setting}` is {wanted}: set it to {saved[key]}."
            )
            raise CheckpointError(message)
    if parameters.objective == "class_head" and not file.with_name(HEAD_FILE).exists():
        message = (
            f"The adapter {parameters.adapter} has no class head: set `vlm.model.objective` to "
            "what it was trained for."
        )
        raise CheckpointError(message)


def adapter_identity(parameters: VlmClassifierParameters) -> str:
    """Say which earlier adapter a training starts from, by content; empty without one."""
    if parameters.adapter is None:
        return ""
    return weights_identity(f"{parameters.adapter}/", parameters.model)
