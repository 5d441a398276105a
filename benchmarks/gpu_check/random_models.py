"""Models of the real sizes with random weights on the GPU; in the dry form small ones on the CPU.

Random weights cost what the real ones cost. Nothing is downloaded: configurations are those of
`tools.presets`, and a tokenizer is learned from the challenge's names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bitsandbytes
import torch
from accelerate import init_empty_weights
from transformers import AutoModelForImageTextToText

from chajong.device import best_device
from chajong.encoders.image_model import ImageModel
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.views import ViewAverage, frozen_encoder
from chajong.encoders.vlm_towers import (
    QwenTower,
    flatten_patch_convolution,
    input_shape,
    tower_on_no_device,
)
from chajong.members.vlm.adapters import add_adapters
from chajong.members.vlm.base_model import (
    is_in_four_bits,
    load_processor,
    working_precision,
)
from chajong.members.vlm.classifier import VlmClassifier
from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from tools.presets.building import (
    ANY_NORMALISATION,
    full_classifier,
    full_image_model,
    small_classifier,
    small_image_model,
)
from tools.presets.published import narrow_configuration, published_configuration
from tools.presets.vlm_cost import ShapesReader, example_names, example_questions
from tools.tiny_vlm import QWEN_SPECIAL, make_tiny_qwen

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.encoders.parameters import VlmTowerParameters
    from chajong.members.backbone.parameters import BackboneParameters
    from chajong.members.clip.parameters import ClipParameters
    from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters

SPREAD = 0.02
"""Of random weights, as transformers draws them."""

DRY_PIXELS = 56 * 84
"""Most pixels that small vision-language models see."""

SPECIAL = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
"""Tokens that a configuration names by their numbers, which are others in the tiny tokenizer."""


class SpelledAtLength(VisionLanguageModel):
    """Spells a name with as many tokens as the estimates do; the tiny tokenizer needs half."""

    def name_tokens(self, name: str) -> tuple[int, ...]:
        """Spell a name with tokens of any numbers, none of them a special one."""
        # It asks its model for nothing but the size of the vocabulary, which is the same here.
        *spelled, end = ShapesReader.name_tokens(self, name)  # type: ignore[arg-type]
        return (*(max(token, len(QWEN_SPECIAL)) for token in spelled), end)


def random_classifier(parameters: BackboneParameters | ClipParameters, *, dry: bool) -> Any:
    """Build a `PhotoClassifier` on the best device there is, in training mode."""
    if dry:
        return small_classifier(parameters)
    device = best_device()
    return full_classifier(parameters, device).to(device)


def random_encoder(
    parameters: PretrainedParameters | VlmTowerParameters, *, dry: bool
) -> ViewAverage:
    """Build a frozen encoder on the best device there is."""
    if not isinstance(parameters, PretrainedParameters):
        tower = _random_tower(parameters, dry=dry)
        return frozen_encoder(tower, parameters.running, wide_range=True)
    return frozen_encoder(random_image_model(parameters, dry=dry), parameters)


def random_image_model(parameters: PretrainedParameters, *, dry: bool) -> ImageModel:
    """Build an image model of timm or open_clip; weights of timm are the same each time."""
    return small_image_model(parameters) if dry else full_image_model(parameters, best_device())


def random_vlm_classifier(
    parameters: VlmClassifierParameters, hints: HintsParameters, folder: Path, *, dry: bool
) -> VlmClassifier:
    """Build a fine-tuned vision-language model, its language model's linear layers in 4 bits.

    Args:
        parameters: The model at its full size.
        hints: What its questions tell.
        folder: Is given a tiny model, whose tokenizer and processor are used.
        dry: Whether the model is small.

    Returns:
        The classifier on the best device there is, with adapters, in training mode.
    """
    names = example_names(parameters)
    prompts = [question.prompt for question in example_questions(parameters, 20, hints)]
    make_tiny_qwen(folder, [*names, *prompts])
    settings = parameters.model_copy(update={"weights": str(folder)})
    if dry:
        settings = settings.model_copy(
            update={"max_pixels": DRY_PIXELS, "prediction_batch_size": 2}
        )
    processor = load_processor(settings)
    config: Any = _configuration(parameters.model, dry=dry)
    for name_in_config, token in SPECIAL.items():
        setattr(config, name_in_config, processor.tokenizer.convert_tokens_to_ids(token))
    adapted = add_adapters(_random_network(config, parameters), settings)
    model = VlmClassifier(adapted, processor, names, settings, input_shape(config, settings))
    model.reader = SpelledAtLength(model.reader.network, processor)
    return model.to(best_device()).train()


def _random_tower(parameters: VlmTowerParameters, *, dry: bool) -> ImageModel:
    config = _configuration(parameters.model, dry=dry)
    sized = parameters.model_copy(update={"max_pixels": DRY_PIXELS}) if dry else parameters
    network = tower_on_no_device(config, parameters.features)
    _draw_weights(network)
    if isinstance(network, QwenTower):
        flatten_patch_convolution(network.tower)
    return ImageModel(network, *input_shape(config, sized), *ANY_NORMALISATION)


def _configuration(model: str, *, dry: bool) -> Any:
    return narrow_configuration(model) if dry else published_configuration(model)


def _random_network(config: Any, parameters: VlmClassifierParameters) -> Any:
    """Draw a network layer by layer, so that it is never in memory in bfloat16 as a whole."""
    with init_empty_weights():
        network: Any = AutoModelForImageTextToText.from_config(
            config, dtype=working_precision(), attn_implementation="sdpa"
        )
    quantised = parameters.quantisation == "nf4"
    _draw_weights(network, quantised=quantised)
    network.tie_weights()
    network.is_loaded_in_4bit = quantised  # which peft asks
    return network.to(best_device()).requires_grad_(False)


def _draw_weights(network: torch.nn.Module, *, quantised: bool = False) -> None:
    """Give numbers to a network without any, layers that `load_network` quantises in 4 bits."""
    device, precision = best_device(), working_precision()
    for name, layer in list(network.named_modules()):
        for part, weight in layer.named_parameters(recurse=False):
            drawn = torch.empty(weight.shape, dtype=precision, device=device)
            drawn = drawn.normal_(std=SPREAD) if weight.ndim > 1 else drawn.fill_(1.0)
            setattr(layer, part, torch.nn.Parameter(drawn, requires_grad=False))
        if quantised and isinstance(layer, torch.nn.Linear) and is_in_four_bits(name):
            network.set_submodule(name, _packed(layer))


def _packed(layer: torch.nn.Linear) -> torch.nn.Module:
    """Pack a layer as `load_network` does."""
    with torch.device("meta"):
        packed = bitsandbytes.nn.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=layer.weight.dtype,
            quant_type="nf4",
        )
    packed.weight = bitsandbytes.nn.Params4bit(
        layer.weight.data, requires_grad=False, quant_type="nf4", module=packed
    ).to(layer.weight.device)
    packed.bias = layer.bias
    return packed
