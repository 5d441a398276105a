"""Image models of timm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.models.encoders.pretrained import ImageModel
from chajong.models.encoders.weights import (
    download_failed,
    existing_path,
    fit_weights,
    is_path,
    read_safetensors,
    unknown_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.models.encoders.parameters import PretrainedParameters

FILE_IN_FOLDER = "model.safetensors"
"""The file that a hub repository of timm keeps its weights in."""


def load_timm_model(parameters: PretrainedParameters) -> ImageModel:
    """Build a timm model without its classifier.

    Args:
        parameters: The model's name and where its weights come from.

    Returns:
        The model, giving pooled features.

    Raises:
        EncoderError: The model is unknown, or the weights are absent or do not fit.
    """
    import timm

    if not timm.is_model(parameters.model) and not parameters.model.startswith("hf-hub:"):
        raise unknown_model(parameters.model, "timm", timm.list_models(pretrained=False))
    network = _build(parameters)
    if is_path(parameters.weights):
        _load_file(network, existing_path(parameters.weights, parameters.model), parameters.model)
    data = timm.data.resolve_model_data_config(network)
    side = parameters.image_size
    height, width = (side, side) if side else data["input_size"][1:]
    return ImageModel(network, height, width, tuple(data["mean"]), tuple(data["std"]))


def _build(parameters: PretrainedParameters) -> Any:
    import timm
    import torch

    # Convolutional models take any size as they are; transformers size their position table.
    sized: dict[str, Any] = {"num_classes": 0}
    fixed = timm.get_pretrained_cfg_value(parameters.model, "fixed_input_size")
    if parameters.image_size and fixed:
        sized["img_size"] = parameters.image_size
    torch.manual_seed(parameters.seed)
    try:
        return timm.create_model(parameters.model, pretrained=parameters.weights == "hub", **sized)
    except (OSError, RuntimeError) as error:
        raise download_failed(parameters.model, error) from error


def _load_file(network: Any, path: Path, model: str) -> None:
    file = path / FILE_IN_FOLDER if path.is_dir() else path
    classifier = network.pretrained_cfg["classifier"]
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    prefixes = tuple(f"{name}." for name in names)
    weights = {
        name: tensor
        for name, tensor in read_safetensors(file).items()
        if not name.startswith(prefixes)
    }
    fit_weights(network, weights, f"The weights in {file} and the model {model!r}")
