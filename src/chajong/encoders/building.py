"""From an encoder's parameters to the encoder, and to the key that its features are kept under."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import (
    HogParameters,
    PretrainedParameters,
    QwenVlChatParameters,
    VlmTowerParameters,
    read_encoder,
)
from chajong.encoders.published import pinned, weights_identity
from chajong.encoders.weights import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chajong.encoders.encoder import Encoder
    from chajong.encoders.image_model import ImageModel
    from chajong.encoders.parameters import EncoderParameters, VlmLanguageParameters

NOT_IN_KEY = {"backend", "batch_size", "compile", "weights", "revision"}
"""Settings that change the speed and not the features; weights go in by content."""


def build_encoder(parameters: EncoderParameters) -> Encoder:
    """Build an encoder and load its weights.

    Args:
        parameters: Which encoder, of which library.

    Returns:
        The encoder, on the best device there is.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
    """
    from chajong.encoders.hog import HogEncoder
    from chajong.encoders.views import frozen_encoder

    if isinstance(parameters, HogParameters):
        return HogEncoder(parameters)
    if isinstance(parameters, PretrainedParameters):
        return frozen_encoder(load_image_model(parameters), parameters)
    wide_range = _has_wide_range(parameters)
    return frozen_encoder(_load_vlm(parameters), parameters.running, wide_range=wide_range)


def encoder_key(parameters: EncoderParameters) -> str:
    """Name an encoder by everything that its features depend on.

    Args:
        parameters: The encoder's parameters.

    Returns:
        A hexadecimal sha-256 over the model, the weights' content, the preprocessing and the
        precision.

    Raises:
        EncoderError: The weights' path does not exist.
    """
    settings = parameters.model_dump(mode="json", exclude=NOT_IN_KEY)
    if not isinstance(parameters, HogParameters):
        from chajong.device import best_precision

        settings["weights"] = weights_identity(parameters)
        if settings.get("layers") == 1:
            settings.pop("layers")  # Features that were kept before there was a choice stay valid.
        if parameters.weights != "random":
            settings.pop("seed", None)  # Only random weights are drawn from it.
        precision = best_precision(wide_range=_has_wide_range(parameters))
        settings["precision"] = str(precision).removeprefix("torch.")
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def encoder_settings(parameters: EncoderParameters) -> dict[str, Any]:
    """Write an encoder's settings down, with the commit that its revision means now.

    Args:
        parameters: The encoder's parameters.

    Returns:
        JSON values, with the identity of the weights as `BASE`.

    Raises:
        EncoderError: The revision cannot be resolved.
    """
    if isinstance(parameters, HogParameters):
        return parameters.model_dump(mode="json")
    return {**pinned(parameters), BASE: weights_identity(parameters)}


def saved_encoder(settings: Mapping[str, Any]) -> EncoderParameters:
    """Read what `encoder_settings` wrote, and see that the weights are still the same.

    Raises:
        EncoderError: They are others, or absent.
    """
    parameters = read_encoder({key: value for key, value in settings.items() if key != BASE})
    if isinstance(parameters, HogParameters):
        return parameters
    if weights_identity(parameters) != settings.get(BASE):
        message = (
            f"The weights of {parameters.model!r} ({parameters.weights}) are not those that the "
            "features were made with: put back the files as they were, or make anew what was "
            "saved with them by `kedro run`."
        )
        raise EncoderError(message)
    return parameters


def _has_wide_range(parameters: EncoderParameters) -> bool:
    """Tell parts of vision-language models, whose numbers float16 cannot hold, from others."""
    return not isinstance(parameters, HogParameters | PretrainedParameters)


def load_image_model(parameters: PretrainedParameters) -> ImageModel:
    """Build an image model of a library, on the CPU.

    Args:
        parameters: Which model, and how photos are normalised for it.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
    """
    from chajong.encoders.open_clip_models import load_open_clip_model
    from chajong.encoders.timm_models import load_timm_model
    from chajong.encoders.transformers_models import load_transformers_model

    loaders = {
        "timm": load_timm_model,
        "open_clip": load_open_clip_model,
        "transformers": load_transformers_model,
    }
    model = loaders[parameters.library](parameters)
    return model.normalising_by(parameters.mean, parameters.std)


def _load_vlm(
    parameters: VlmTowerParameters | VlmLanguageParameters | QwenVlChatParameters,
) -> ImageModel:
    from chajong.encoders.qwen_vl_chat import load_qwen_vl_chat_tower
    from chajong.encoders.vlm_language import load_vlm_language
    from chajong.encoders.vlm_towers import load_vlm_tower

    if isinstance(parameters, VlmTowerParameters):
        return load_vlm_tower(parameters)
    if isinstance(parameters, QwenVlChatParameters):
        return load_qwen_vl_chat_tower(parameters)
    return load_vlm_language(parameters)
