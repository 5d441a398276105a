"""Image models of timm."""

from __future__ import annotations

from types import MappingProxyType
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
    from collections.abc import Mapping

    import torch

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
    side = parameters.image_size
    return timm_image_model(parameters.model, parameters.weights, side, parameters.seed)


def timm_image_model(
    model: str,
    weights: str,
    image_size: int | tuple[int, int] | None,
    seed: int,
    options: Mapping[str, object] = MappingProxyType({}),
) -> ImageModel:
    """Build a timm model without its classifier, from its name.

    Args:
        model: The model's name.
        weights: ``hub``, ``random``, or a safetensors file or a folder that holds one.
        image_size: Side, or height and width, in pixels; the model's own where it is None.
        seed: Seed of random weights.
        options: What else the model is built with, by timm's names.

    Returns:
        The model, giving pooled features.

    Raises:
        EncoderError: The model is unknown, or the weights are absent or do not fit.
    """
    import timm

    if not model.startswith("hf-hub:"):
        _check_name(model)
    network = _build(model, weights, image_size, seed, options)
    if is_path(weights):
        path = existing_path(weights, model)
        file = path / FILE_IN_FOLDER if path.is_dir() else path
        fit_timm_weights(
            network, read_safetensors(file), f"The weights in {file} and the model {model!r}"
        )
    data = timm.data.resolve_model_data_config(network)
    size = image_size or data["input_size"][1:]
    height, width = (size, size) if isinstance(size, int) else size
    return ImageModel(network, height, width, tuple(data["mean"]), tuple(data["std"]))


def _build(
    model: str,
    weights: str,
    image_size: int | tuple[int, int] | None,
    seed: int,
    options: Mapping[str, object],
) -> Any:
    import timm
    import torch

    # Convolutional models take any size as they are; transformers size their position table.
    fixed = timm.get_pretrained_cfg_value(model, "fixed_input_size")
    sized = {"img_size": image_size} if image_size and fixed else {}
    torch.manual_seed(seed)
    try:
        return timm.create_model(
            model, pretrained=weights == "hub", num_classes=0, **sized, **options
        )
    except (OSError, RuntimeError) as error:
        raise download_failed(model, error) from error


def _check_name(model: str) -> None:
    """See that timm knows a model, and the weights that its name may end in."""
    import timm

    if not timm.is_model(model):
        raise unknown_model(model, "timm", timm.list_models())
    tagged = timm.list_pretrained(f"{model.partition('.')[0]}.*")
    if "." in model and model not in tagged:
        raise unknown_model(model, "timm", tagged)


def fit_timm_weights(network: Any, weights: dict[str, torch.Tensor], source: str) -> None:
    """Load weights into a timm model that was built without its classifier.

    Args:
        network: The model.
        weights: Tensors by name; those of a classifier are left out.
        source: What to call the weights and the model in an error.

    Raises:
        EncoderError: A tensor is missing, unexpected or of another shape.
    """
    classifier = network.pretrained_cfg["classifier"]
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    prefixes = tuple(f"{name}." for name in names)
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith(prefixes)}
    fit_weights(network, kept, source)
