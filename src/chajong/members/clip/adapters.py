"""Low-rank changes to both towers, trained in place of the weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from chajong.encoders.encoder import EncoderError
from chajong.members.clip.depths import block_of, tower_of

if TYPE_CHECKING:
    from chajong.members.clip.parameters import ClipParameters, Tower
    from chajong.members.clip.towers import ClipTowers

TOWERS: tuple[Tower, ...] = ("photo", "text")


def add_adapters(towers: ClipTowers, parameters: ClipParameters) -> None:
    """Put adapters on the linear and attention layers of every tower that is not frozen.

    The towers' own weights are frozen, but for the logit scale. Embeddings stay as they are until
    the adapters are trained. Source: Hu et al., LoRA (ICLR 2022), section 4.

    Args:
        towers: The towers, changed in place.
        parameters: Rank, scale, seed, and which towers are frozen.

    Raises:
        EncoderError: A tower that is not frozen has no linear layer in its blocks.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel
    from peft.tuners.lora.layer import MultiheadAttention

    targets = [
        target
        for tower in TOWERS
        if tower not in parameters.freeze
        for target in _adaptable_layers(towers, tower)
    ]
    config = LoraConfig(
        r=parameters.lora_rank,
        lora_alpha=parameters.lora_alpha,
        target_modules="|".join(re.escape(target) for target in targets),
    )
    torch.manual_seed(parameters.seed)
    logit_scale = towers.logit_scale
    towers.network = LoraModel(towers.network, config, "default")
    logit_scale.requires_grad = True
    for layer in towers.network.modules():
        if isinstance(layer, MultiheadAttention):
            layer.register_forward_pre_hook(_remember_weights)
            layer.register_forward_hook(_put_weights_back, always_call=True)


def _remember_weights(layer: Any, _: object) -> None:
    """Hold on to the frozen weights of an adapted attention layer.

    peft adds the change to them and takes it off again around every pass; the rounding of this
    would let frozen weights drift.
    """
    layer.frozen_weights = {
        "in_proj_weight": (layer.base_layer, layer.base_layer.in_proj_weight),
        "weight": (
            layer.base_layer.out_proj.base_layer,
            layer.base_layer.out_proj.base_layer.weight,
        ),
    }


def _put_weights_back(layer: Any, *_: object) -> None:
    for name, (owner, weight) in layer.frozen_weights.items():
        owner.register_parameter(name, weight)
    del layer.frozen_weights


def _adaptable_layers(towers: ClipTowers, tower: Tower) -> list[str]:
    """Name the layers; an attention layer stands for the projections inside it."""
    inside_blocks = {
        name: layer
        for name, layer in towers.network.named_modules()
        if tower_of(name) == tower and block_of(name) is not None
    }
    attention = [
        name
        for name, layer in inside_blocks.items()
        if isinstance(layer, torch.nn.MultiheadAttention)
    ]
    linear = [
        name
        for name, layer in inside_blocks.items()
        if isinstance(layer, torch.nn.Linear) and name.rpartition(".")[0] not in attention
    ]
    if not attention and not linear:
        message = (
            f"LoRA changes linear layers, but the {tower} tower has none in its blocks. Set "
            f"`lora_rank: 0`, or `freeze: [{tower}]`."
        )
        raise EncoderError(message)
    return attention + linear
