"""From an encoder's parameters to the encoder, and to the key that its features are kept under."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from chajong.models.encoders.parameters import HogParameters, PretrainedParameters
from chajong.models.encoders.weights import weights_identity

if TYPE_CHECKING:
    from chajong.models.encoders.encoder import Encoder
    from chajong.models.encoders.parameters import EncoderParameters

NOT_IN_KEY = {"batch_size", "compile", "weights"}
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
    from chajong.models.encoders.hog import HogEncoder
    from chajong.models.encoders.open_clip_models import load_open_clip_model
    from chajong.models.encoders.pretrained import PretrainedEncoder
    from chajong.models.encoders.timm_models import load_timm_model
    from chajong.models.encoders.transformers_models import load_transformers_model

    if isinstance(parameters, HogParameters):
        return HogEncoder(parameters)
    loaders = {
        "timm": load_timm_model,
        "open_clip": load_open_clip_model,
        "transformers": load_transformers_model,
    }
    return PretrainedEncoder(loaders[parameters.library](parameters), parameters)


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
    if isinstance(parameters, PretrainedParameters):
        from chajong.models.encoders.pretrained import best_device

        settings["weights"] = weights_identity(parameters.weights, parameters.model)
        settings["precision"] = "float32" if best_device().type == "cpu" else "bfloat16"
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
