"""Encoders of vision-language models at their full size on no device."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.nn import functional

from chajong.encoders.parameters import QwenVlChatParameters, VlmTowerParameters
from chajong.encoders.qwen_vl_chat import QwenVlChatSizes, QwenVlChatTower
from chajong.encoders.vlm_towers import (
    flatten_patch_convolution,
    input_shape,
    patch_rows,
    tower_on_no_device,
)
from tools.presets.published import published_configuration

if TYPE_CHECKING:
    from chajong.encoders.parameters import VlmLanguageParameters

PROMPT_TOKENS = 48
"""More than what the chat templates and a short prompt come to; the tokenizers are on the hub."""


class LanguageShapes(torch.nn.Module):
    """A vision-language model's parts, one after the other.

    The whole model looks for the photo's place among the tokens, which takes numbers. Here the
    prompt follows the photo, which takes as many operations and as much memory.
    """

    def __init__(self, model: Any) -> None:
        """Take the model of transformers, without its head."""
        super().__init__()
        self.model = model

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, hidden]."""
        tokens = functional.pad(self._photo_tokens(photos), (0, 0, 0, PROMPT_TOKENS))
        out = self.model.language_model(inputs_embeds=tokens, use_cache=False)
        last: torch.Tensor = out.last_hidden_state[:, -1]
        return last

    def _photo_tokens(self, photos: torch.Tensor) -> torch.Tensor:
        if self.model.config.model_type == "llava":
            return torch.stack(self.model.get_image_features(pixel_values=photos).pooler_output)
        patches, grid = patch_rows(photos, self.model.config.vision_config)
        seen = self.model.visual(patches, grid_thw=grid).pooler_output
        tokens: torch.Tensor = seen.unflatten(0, (len(photos), -1))
        return tokens


def full_vlm_encoder(
    parameters: VlmTowerParameters | VlmLanguageParameters | QwenVlChatParameters,
) -> tuple[torch.nn.Module, tuple[int, int]]:
    """Build an encoder of a vision-language model on the meta device, in bfloat16 as on a GPU.

    Args:
        parameters: The encoder; its weights are neither read nor fetched.

    Returns:
        The network, and the height and width of its photos in pixels.

    Raises:
        EncoderError: The model's configuration is not known here, or the pixel budget is too small.
    """
    with torch.device("meta"):
        if isinstance(parameters, QwenVlChatParameters):
            side = QwenVlChatSizes().image_size
            tower = QwenVlChatTower(QwenVlChatSizes(), parameters.features)
            return _in_bfloat16(tower), (side, side)
        config = published_configuration(parameters.model)
        shape = input_shape(config, parameters)
        if isinstance(parameters, VlmTowerParameters):
            network: Any = tower_on_no_device(config, parameters.features)
            vision = network.tower
        else:
            network, vision = _language_model(config)
        if config.model_type != "llava":
            flatten_patch_convolution(vision)
            places = partial(_give_places, shape=shape)
            vision.register_forward_pre_hook(places, with_kwargs=True)
        return _in_bfloat16(network), shape


def _language_model(config: Any) -> tuple[LanguageShapes, Any]:
    from transformers import AutoModel

    model = AutoModel.from_config(config)
    return LanguageShapes(model), None if config.model_type == "llava" else model.visual


def _in_bfloat16(network: torch.nn.Module) -> torch.nn.Module:
    """Halve the weights, but for the few that the CPU's autocast wants in the input's precision."""
    for layer in network.modules():
        if not isinstance(layer, torch.nn.LayerNorm):
            for name, weight in layer.named_parameters(recurse=False):
                half = torch.nn.Parameter(weight.to(torch.bfloat16), requires_grad=False)
                setattr(layer, name, half)
    return network


def _give_places(
    tower: Any, inputs: tuple[torch.Tensor, ...], keywords: dict[str, Any], shape: tuple[int, int]
) -> tuple[tuple[torch.Tensor, ...], dict[str, Any]]:
    """Hand a Qwen2.5-VL tower the places of its patches, which it computes from numbers.

    Its windows are attended to one by one, so that their lengths must be numbers too.
    """
    from transformers.vision_utils import (
        get_vision_cu_seqlens,
        get_vision_position_ids,
        get_vision_window_index,
    )

    config = tower.config
    rows, columns = (side // config.patch_size for side in shape)
    merge = config.spatial_merge_size
    with unset_fake_temporarily():
        grid = torch.tensor([[1, rows, columns]]).expand(len(inputs[0]) // (rows * columns), 3)
        index, windows = get_vision_window_index(grid, merge, config.window_size, config.patch_size)
        places = {
            "position_ids": get_vision_position_ids(grid, merge),
            "window_index": index,
            "cu_window_seqlens": windows.numpy(),
            "cu_seqlens": get_vision_cu_seqlens(grid).numpy(),
        }
    return inputs, keywords | places
