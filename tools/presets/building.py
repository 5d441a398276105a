"""Models of presets without their weights: at full size on no device, and as small copies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import open_clip
import torch

from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.encoders.open_clip_models import pretrained_tag
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.timm_models import timm_image_model
from chajong.encoders.weights import unknown_model
from chajong.members.backbone.backbone import BackboneClassifier
from chajong.members.backbone.classifier import FusionClassifier
from chajong.members.backbone.names import name_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.clip.adapters import add_adapters
from chajong.members.clip.classifier import ClipClassifier
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.clip.towers import OpenClipTowers
from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from chajong.names.table import class_table
from tools.presets.vlm_building import full_vlm_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.encoders.parameters import (
        QwenVlChatParameters,
        VlmLanguageParameters,
        VlmTowerParameters,
    )
    from chajong.members.backbone.names import NameTargets

NAME_DIMENSIONS = 768
"""Length of a name's embedding here: that of KR-SBERT and of most sentence models, which cannot be
opened without a network."""

SMALL_SIDE = 112
"""Pixels of a small copy's photos: whole patches of 14 and of 16."""

SMALLER_TIMM: tuple[Mapping[str, object], ...] = (
    {"depths": (1, 1, 1, 1), "dims": (16, 32, 64, 128)},  # ConvNeXt
    {"depth": 2, "embed_dim": 64, "num_heads": 2},  # ViT and EVA02
    {"channel_multiplier": 0.25, "depth_multiplier": 0.25},  # EfficientNet
)
"""What makes a timm model small; each family refuses the words of the others."""

LARGEST_AS_IT_IS = 100_000_000
"""Parameters of a model that a CPU can still train for a step where nothing makes it smaller."""

TINY_TOWERS = {"vit_": "test_vit", "convnext": "test_convnext"}
"""timm's own tiny model of a family, by the first letters of the family's names."""

NO_DEVICE = torch.device("meta")
"""Has shapes and no numbers."""

ANY_NORMALISATION = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class StandInTokenizer:
    """Any tokens at all, for a tokenizer that only the hub holds."""

    def __init__(self, vocabulary: int) -> None:
        """Take the number of different tokens."""
        self._vocabulary = vocabulary

    def encode(self, text: str) -> list[int]:
        """Count no tokens: how many there are is not known."""
        return []

    def __call__(self, texts: list[str], context_length: int) -> torch.Tensor:
        """Return tokens of the right shape and range, int64 [texts, context]."""
        return torch.randint(self._vocabulary, (len(texts), context_length))


@cache
def challenge_classes() -> pd.DataFrame:
    """Lay out the challenge's classes, whose number and names cost memory too."""
    return class_table(merge_aliases(challenge_names(), CHALLENGE_ALIASES))


def full_classifier(
    parameters: BackboneParameters | ClipParameters, device: torch.device = NO_DEVICE
) -> Any:
    """Build a classifier at its full size: shapes without numbers, or random weights on a device.

    Args:
        parameters: The model; its weights are neither read nor fetched.
        device: Where it is built.

    Returns:
        A `PhotoClassifier` in training mode.

    Raises:
        EncoderError: The model or its pretrained tag is unknown.
    """
    with device:
        if isinstance(parameters, ClipParameters):
            configuration = clip_configuration(parameters.source)
            return _clip_classifier(parameters, configuration).train()
        network = timm_image_model(
            parameters.model, "random", parameters.image_size, parameters.seed, _options(parameters)
        )
        return _backbone_or_fusion(parameters, network).train()


def full_encoder(
    parameters: PretrainedParameters
    | VlmTowerParameters
    | VlmLanguageParameters
    | QwenVlChatParameters,
) -> tuple[torch.nn.Module, tuple[int, int]]:
    """Build a frozen encoder's network at its full size on the meta device.

    Args:
        parameters: The encoder; its weights are neither read nor fetched.

    Returns:
        The network, and the height and width of its photos in pixels.

    Raises:
        EncoderError: The model or its pretrained tag is unknown, or a pixel budget is too small.
    """
    if not isinstance(parameters, PretrainedParameters):
        return full_vlm_encoder(parameters)
    model = full_image_model(parameters)
    return model.network, (model.height, model.width)


def full_image_model(
    parameters: PretrainedParameters, device: torch.device = NO_DEVICE
) -> ImageModel:
    """Build an image model at its full size: shapes without numbers, or random weights on a device.

    Args:
        parameters: The model; its weights are neither read nor fetched.
        device: Where it is built.

    Returns:
        The model, normalising photos in some way.

    Raises:
        EncoderError: The model or its pretrained tag is unknown.
    """
    with device:
        if parameters.library == "timm":
            side = parameters.image_size
            return timm_image_model(parameters.model, "random", side, parameters.seed)
        return _photo_tower(_towers(parameters, clip_configuration(parameters)))


def small_image_model(parameters: PretrainedParameters) -> ImageModel:
    """Build an image model of the same family that a CPU runs in no time.

    Args:
        parameters: The model at its full size.

    Returns:
        The model with random weights, for photos of `SMALL_SIDE`.

    Raises:
        EncoderError: The model or its pretrained tag is unknown, or cannot be made smaller.
    """
    if parameters.library == "timm":
        return _small_timm(BackboneParameters(model=parameters.model, seed=parameters.seed))
    configuration = _smaller(clip_configuration(parameters), parameters.model)
    own_size = parameters.model_copy(update={"image_size": None})
    return _photo_tower(_towers(own_size, configuration))


def small_classifier(parameters: BackboneParameters | ClipParameters) -> Any:
    """Build a classifier of the same family that a CPU trains in a second.

    Args:
        parameters: The model at its full size.

    Returns:
        A `PhotoClassifier` in training mode with random weights, for photos of `SMALL_SIDE`.

    Raises:
        EncoderError: The model or its pretrained tag is unknown, or cannot be made smaller.
    """
    if not isinstance(parameters, ClipParameters):
        return _backbone_or_fusion(parameters, _small_timm(parameters)).train()
    configuration = _smaller(clip_configuration(parameters.source), parameters.model)
    own_size = parameters.model_copy(update={"image_size": None})
    return _clip_classifier(own_size, configuration).train()


def clip_configuration(parameters: PretrainedParameters) -> dict[str, Any]:
    """Read how open_clip builds a model, once its name and its weights' tag are known to it.

    Raises:
        EncoderError: One is not, or open_clip has no configuration of its own for the model.
    """
    if parameters.library != "open_clip":
        message = (
            f"The dry check builds models of timm and open_clip; {parameters.model!r} of "
            f"{parameters.library} can only be built from its files."
        )
        raise EncoderError(message)
    configuration: dict[str, Any] | None = open_clip.get_model_config(parameters.model)
    if configuration is None:
        raise unknown_model(parameters.model, "open_clip", open_clip.list_models())
    pretrained_tag(parameters)
    return configuration


def _backbone_or_fusion(
    parameters: BackboneParameters, network: ImageModel
) -> BackboneClassifier | FusionClassifier:
    names = _names()
    backbone = BackboneClassifier(
        network, len(names.embeddings), freeze_batch_norm=parameters.freeze_batch_norm
    )
    if isinstance(parameters, FusionParameters):
        return FusionClassifier(backbone, names, parameters)
    return backbone


@cache
def _names() -> NameTargets:
    names = name_targets(challenge_classes(), "characters")
    shape = (len(names.embeddings), NAME_DIMENSIONS)
    drawn = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return replace(names, embeddings=drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _options(parameters: BackboneParameters) -> dict[str, object]:
    return {"drop_path_rate": parameters.drop_path} if parameters.drop_path else {}


def _small_timm(parameters: BackboneParameters) -> ImageModel:
    for smaller in SMALLER_TIMM:
        options = {**smaller, **_options(parameters)}
        try:
            return timm_image_model(
                parameters.model, "random", SMALL_SIDE, parameters.seed, options
            )
        except TypeError:  # words of another family
            continue
    size = sum(weight.numel() for weight in full_classifier(parameters).parameters())
    if size > LARGEST_AS_IT_IS:
        raise _cannot_be_smaller(parameters.model)
    return timm_image_model(
        parameters.model, "random", SMALL_SIDE, parameters.seed, _options(parameters)
    )


def _smaller(configuration: dict[str, Any], model: str) -> dict[str, Any]:
    vision = {**configuration["vision_cfg"], "image_size": SMALL_SIDE}
    if "timm_model_name" in vision:
        name = vision["timm_model_name"]
        tiny = [tiny for start, tiny in TINY_TOWERS.items() if name.startswith(start)]
        if not tiny:
            raise _cannot_be_smaller(model)
        vision["timm_model_name"] = tiny[0]
    else:
        one_network = isinstance(vision["layers"], int)
        vision |= {"layers": 2 if one_network else [1, 1, 1, 1], "width": 64, "head_width": 32}
    text = {**configuration["text_cfg"], "layers": 2, "width": 64, "heads": 2}
    return {**configuration, "embed_dim": 64, "vision_cfg": vision, "text_cfg": text}


def _cannot_be_smaller(model: str) -> EncoderError:
    message = (
        f"The dry check knows no small copy of {model!r}: say in models/presets/building.py how "
        "its family is made small."
    )
    return EncoderError(message)


def _clip_classifier(parameters: ClipParameters, configuration: dict[str, Any]) -> ClipClassifier:
    towers = _towers(parameters.source, configuration)
    if parameters.lora_rank:
        add_adapters(towers, parameters)
    sentences = class_prompts(challenge_classes()).in_languages(parameters.languages)
    return ClipClassifier(towers, sentences, parameters)


def _photo_tower(towers: OpenClipTowers) -> ImageModel:
    return ImageModel(towers.network.visual, towers.height, towers.width, *ANY_NORMALISATION)


def _towers(parameters: PretrainedParameters, configuration: dict[str, Any]) -> OpenClipTowers:
    vision, text = dict(configuration["vision_cfg"]), configuration["text_cfg"]
    side = vision["image_size"] = parameters.image_size or vision["image_size"]
    settings = {**configuration, "vision_cfg": vision}
    kind = open_clip.CustomTextCLIP if settings.pop("custom_text", False) else open_clip.CLIP
    network = kind(**settings)
    if parameters.image_size and "timm_model_name" in vision:
        network.visual.set_input_size(side)
    context = text["context_length"]
    tokenizer = (
        StandInTokenizer(text["vocab_size"])
        if "hf_tokenizer_name" in text
        else open_clip.get_tokenizer(parameters.model)
    )
    return OpenClipTowers(ImageModel(network, side, side, *ANY_NORMALISATION), tokenizer, context)
