"""Image models of timm."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import WEIGHTS, hub_files, local_files
from chajong.encoders.image_model import ImageModel
from chajong.encoders.layers import JoinedLayers
from chajong.encoders.published import ON_THE_HUB, timm_repository
from chajong.encoders.weights import (
    LOCAL_MODEL,
    conversion,
    existing_path,
    fit_weights,
    is_path,
    read_weights,
    told_of_loading,
    unknown_model,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from chajong.encoders.parameters import PretrainedParameters


def load_timm_model(parameters: PretrainedParameters) -> ImageModel:
    """Build a timm model without its classifier.

    Args:
        parameters: The model's name and where its weights come from.

    Returns:
        The model, giving pooled features.

    Raises:
        EncoderError: The model is unknown, has fewer layers, or the weights are absent or do not
            fit.
    """
    side = parameters.image_size
    model = timm_image_model(
        parameters.model, parameters.weights, side, parameters.seed, revision=parameters.revision
    )
    if parameters.layers > 1:
        model.network = joined_layers(model.network, parameters.layers, parameters.model)
    return model


def joined_layers(network: Any, layers: int, model: str) -> JoinedLayers:
    """Join a network's last stages to its pooled features.

    Args:
        network: A timm model without its classifier.
        layers: How many layers, the pooled features among them.
        model: What to call the model in an error.

    Raises:
        EncoderError: The model does not give its stages, or has fewer.
    """
    stages = len(getattr(network, "feature_info", ())) if hasattr(network, STAGES) else 0
    if layers - 1 > stages:
        message = (
            f"{model!r} has {stages} stages to join to its pooled features: give `layers` at most "
            f"{stages + 1}, not {layers}."
        )
        raise EncoderError(message)
    return JoinedLayers(network, layers - 1)


STAGES = "forward_intermediates"
"""The method by which a timm model gives what its stages see."""


def timm_image_model(
    model: str,
    weights: str,
    image_size: int | tuple[int, int] | None,
    seed: int,
    options: Mapping[str, object] = MappingProxyType({}),
    revision: str = "main",
) -> ImageModel:
    """Build a timm model without its classifier, from its name.

    Args:
        model: The model's name.
        weights: ``hub``, ``random``, or a file of weights or a folder that holds one.
        image_size: Side, or height and width, in pixels; the model's own where it is None.
        seed: Seed of random weights.
        options: What else the model is built with, by timm's names.
        revision: Commit, branch or tag of the hub repository.

    Returns:
        The model, giving pooled features.

    Raises:
        EncoderError: The model is unknown, or the weights are absent or do not fit.
    """
    import timm
    import torch

    name, source = _source(model, revision, pretrained=weights == "hub")
    # Convolutional models take any size as they are; transformers size their position table.
    sized = {"img_size": image_size} if image_size and _has_fixed_size(name) else {}
    torch.manual_seed(seed)
    with told_of_loading(model):
        network = timm.create_model(name, num_classes=0, **source, **sized, **options)
    if is_path(weights):
        path = existing_path(weights, model)
        file = path / local_files(path).weights() if path.is_dir() else path
        fit_timm_weights(
            network, read_weights(file), f"The weights in {file} and the model {model!r}"
        )
    data = timm.data.resolve_model_data_config(network)
    size = image_size or data["input_size"][1:]
    height, width = (size, size) if isinstance(size, int) else size
    return ImageModel(network, height, width, tuple(data["mean"]), tuple(data["std"]))


def _source(model: str, revision: str, *, pretrained: bool) -> tuple[str, dict[str, Any]]:
    """Say what timm builds a model from: its name or a folder, and the file of its weights."""
    if model.startswith(ON_THE_HUB):
        files = hub_files(model.partition(":")[2], revision)
        folder = files.folder(WEIGHTS if pretrained else ())
        return f"{LOCAL_MODEL}{folder}", {"pretrained": pretrained}
    _check_name(model)
    repository = timm_repository(model) if pretrained else None
    if repository is None:
        return model, {"pretrained": pretrained}
    files = hub_files(repository.name, revision)
    file = files.fetch(files.weights(repository.candidates))
    return model, {"pretrained": True, "pretrained_cfg_overlay": {"file": str(file)}}


def _has_fixed_size(name: str) -> bool:
    import timm
    from timm.models._hub import load_model_config_from_path

    if name.startswith(LOCAL_MODEL):
        configuration, _, _ = load_model_config_from_path(name.removeprefix(LOCAL_MODEL))
        return bool(configuration.get("fixed_input_size"))
    return bool(timm.get_pretrained_cfg_value(name, "fixed_input_size"))


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

    They are converted as timm converts published ones: older names are renamed, and position
    tables are resampled to the model's image size.

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
    converted = _converted(network, weights, source)
    kept = {name: tensor for name, tensor in converted.items() if not name.startswith(prefixes)}
    fit_weights(network, kept, source)


def _converted(
    network: Any, weights: dict[str, torch.Tensor], source: str
) -> dict[str, torch.Tensor]:
    """Rename and resample tensors by the function that timm keeps for it beside the model."""
    import sys

    import timm

    builder = timm.model_entrypoint(network.pretrained_cfg["architecture"])
    convert = getattr(sys.modules[builder.__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return weights
    with conversion(source):
        return dict(convert(dict(weights), network))
