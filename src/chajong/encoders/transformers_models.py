"""Image models of transformers: CLIP, SigLIP, DINOv2 and whatever pools its patches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import WEIGHTS
from chajong.encoders.image_model import ImageModel
from chajong.encoders.published import model_files
from chajong.encoders.weights import (
    check_complete,
    existing_path,
    is_path,
    read_weights,
    told_of_loading,
)

if TYPE_CHECKING:
    import torch

    from chajong.encoders.parameters import PretrainedParameters


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
    network = _pooled_network()(described.network)
    return ImageModel(network, *described.image_size, described.mean, described.std)


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

    folder = transformers_folder(parameters)
    with told_of_loading(parameters.model):
        model = _load(parameters, folder)
        processor: Any = AutoImageProcessor.from_pretrained(folder)
    height, width = _input_size(parameters, processor)
    return ImageModel(model, height, width, tuple(processor.image_mean), tuple(processor.image_std))


def transformers_folder(parameters: PretrainedParameters) -> Path:
    """Give the folder that holds the configuration, the tokenizer and, unless random, the weights.

    Args:
        parameters: As for `load_transformers_model`.

    Raises:
        EncoderError: A file cannot be had.
    """
    from_file = is_path(parameters.weights) and not _is_folder(parameters.weights)
    without_weights = from_file or parameters.weights == "random"
    return model_files(parameters).folder(() if without_weights else WEIGHTS)


def _is_folder(weights: str) -> bool:
    return Path(weights).expanduser().is_dir()


def _load(parameters: PretrainedParameters, folder: Path) -> torch.nn.Module:
    import torch
    from transformers import AutoConfig, AutoModel

    if parameters.weights == "random":
        torch.manual_seed(parameters.seed)
        random: torch.nn.Module = AutoModel.from_config(AutoConfig.from_pretrained(folder))
        return random
    if is_path(parameters.weights) and not _is_folder(parameters.weights):
        return _load_file(parameters, folder)
    model, report = AutoModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    check_complete(report, parameters.model)
    loaded: torch.nn.Module = model
    return loaded


def _load_file(parameters: PretrainedParameters, folder: Path) -> torch.nn.Module:
    """Load a single file as the library loads its own: older names become today's on the way."""
    import torch
    from transformers import MODEL_MAPPING, AutoConfig

    file = existing_path(parameters.weights, parameters.model)
    config = AutoConfig.from_pretrained(folder)
    model, report = MODEL_MAPPING[type(config)].from_pretrained(
        None,
        config=config,
        state_dict=read_weights(file),
        dtype=torch.float32,
        output_loading_info=True,
    )
    check_complete(report, f"{parameters.model} from {file}")
    loaded: torch.nn.Module = model
    return loaded


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
