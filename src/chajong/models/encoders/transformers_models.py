"""Image models of transformers: CLIP, SigLIP, DINOv2 and whatever pools its patches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chajong.models.encoders.encoder import EncoderError
from chajong.models.encoders.pretrained import ImageModel
from chajong.models.encoders.weights import (
    download_failed,
    existing_path,
    fit_weights,
    is_path,
    read_safetensors,
)

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from chajong.models.encoders.parameters import PretrainedParameters


def load_transformers_model(parameters: PretrainedParameters) -> ImageModel:
    """Build an image model of transformers.

    Args:
        parameters: The model as a hub repository or a local folder, and where its weights come
            from. Remote code is never run.

    Returns:
        The model, giving projected features where it joins photos and text, pooled ones elsewhere.

    Raises:
        EncoderError: The model or its weights are absent, or do not fit.
    """
    described = load_transformers_network(parameters)
    return replace(described, network=_pooled_network()(described.network))


def load_transformers_network(parameters: PretrainedParameters) -> ImageModel:
    """Build a whole model of transformers.

    Args:
        parameters: As for `load_transformers_model`.

    Returns:
        The library's own model in float32, with what photos it takes.

    Raises:
        EncoderError: As for `load_transformers_model`.
    """
    from transformers import AutoImageProcessor

    source = transformers_source(parameters)
    try:
        model = _load(parameters, source)
        processor: Any = AutoImageProcessor.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise download_failed(parameters.model, error) from error
    height, width = _input_size(parameters, processor)
    return ImageModel(model, height, width, tuple(processor.image_mean), tuple(processor.image_std))


def transformers_source(parameters: PretrainedParameters) -> str:
    """Say which folder or repository holds the configuration and the tokenizer.

    Args:
        parameters: As for `load_transformers_model`.

    Raises:
        EncoderError: The weights' path does not exist.
    """
    folder = _weights_folder(parameters)
    return str(folder) if folder else parameters.model


def _weights_folder(parameters: PretrainedParameters) -> Path | None:
    if not is_path(parameters.weights):
        return None
    path = existing_path(parameters.weights, parameters.model)
    return path if path.is_dir() else None


def _load(parameters: PretrainedParameters, source: str) -> torch.nn.Module:
    import torch
    from transformers import AutoConfig, AutoModel

    if parameters.weights == "hub" or _weights_folder(parameters):
        model: torch.nn.Module = AutoModel.from_pretrained(
            source, use_safetensors=True, dtype=torch.float32
        )
        return model
    torch.manual_seed(parameters.seed)
    model = AutoModel.from_config(AutoConfig.from_pretrained(source))
    if is_path(parameters.weights):
        file = existing_path(parameters.weights, parameters.model)
        described = f"The weights in {file} and the model {parameters.model!r}"
        fit_weights(model, read_safetensors(file), described)
    return model


def _input_size(parameters: PretrainedParameters, processor: Any) -> tuple[int, int]:
    if parameters.image_size:
        return parameters.image_size, parameters.image_size
    size = getattr(processor, "crop_size", None) or processor.size
    side = size.get("height") or size.get("shortest_edge")
    if not side:
        message = (
            f"The image processor of {parameters.model!r} names no input size. Set the encoder's "
            "`image_size`."
        )
        raise EncoderError(message)
    return side, size.get("width") or side


def _pooled_network() -> type[torch.nn.Module]:
    """The class is made on first use, because importing torch takes seconds."""
    import torch

    class PooledNetwork(torch.nn.Module):
        """A model that gives one vector a photo."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            """Encode normalised photos [n, 3, height, width] as [n, features]."""
            encode: Any = getattr(self.model, "get_image_features", self.model)
            pooled: torch.Tensor = encode(pixel_values=photos).pooler_output
            return pooled.flatten(1)

    return PooledNetwork
