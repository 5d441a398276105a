"""Image towers of open_clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.models.encoders.encoder import EncoderError
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

REMOTE_OR_FOLDER = ("hf-hub:", "local-dir:")


def load_open_clip_model(parameters: PretrainedParameters) -> ImageModel:
    """Build the image tower of an open_clip model.

    Args:
        parameters: The model's name (or ``hf-hub:owner/name``) and where its weights come from.

    Returns:
        The image tower, giving projected features before normalisation.

    Raises:
        EncoderError: The model or its pretrained tag is unknown, or the weights are absent or do
            not fit.
    """
    visual = load_open_clip_network(parameters).visual
    return ImageModel(visual, *photo_format(visual))


def load_open_clip_network(parameters: PretrainedParameters) -> Any:
    """Build an open_clip model, both towers.

    Args:
        parameters: As for `load_open_clip_model`.

    Returns:
        The model in float32, in training mode.

    Raises:
        EncoderError: As for `load_open_clip_model`.
    """
    import open_clip
    import torch

    # A folder says itself what it holds, under any name.
    source = open_clip_source(parameters)
    known = open_clip.list_models()
    if source not in known and not source.startswith(REMOTE_OR_FOLDER):
        raise unknown_model(parameters.model, "open_clip", known)
    file = _weights_file(parameters)
    torch.manual_seed(parameters.seed)
    try:
        network = open_clip.create_model(
            source,
            pretrained=pretrained_tag(parameters),
            load_weights=file is None and parameters.weights != "random",
            force_image_size=parameters.image_size,
        )
    except (OSError, RuntimeError) as error:
        raise download_failed(parameters.model, error) from error
    if file:
        described = f"The weights in {file} and the model {parameters.model!r}"
        fit_weights(network, read_safetensors(file), described)
    return network


def open_clip_source(parameters: PretrainedParameters) -> str:
    """Say what open_clip builds the model, and its tokenizer, from.

    Args:
        parameters: As for `load_open_clip_model`.

    Returns:
        ``local-dir:`` and the folder where the weights are a folder, the model's name otherwise.

    Raises:
        EncoderError: The weights' path does not exist.
    """
    if is_path(parameters.weights):
        path = existing_path(parameters.weights, parameters.model)
        if path.is_dir():
            return f"local-dir:{path}"
    return parameters.model


def photo_format(
    visual: Any,
) -> tuple[int, int, tuple[float, float, float], tuple[float, float, float]]:
    """Read what photos an image tower of open_clip takes.

    Args:
        visual: The image tower.

    Returns:
        Height and width in pixels, channel means and standard deviations on a scale of 0 to 1.
    """
    size = visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    mean, std = visual.preprocess_cfg["mean"], visual.preprocess_cfg["std"]
    return height, width, tuple(mean), tuple(std)


def _weights_file(parameters: PretrainedParameters) -> Path | None:
    if not is_path(parameters.weights):
        return None
    path = existing_path(parameters.weights, parameters.model)
    return None if path.is_dir() else path


def pretrained_tag(parameters: PretrainedParameters) -> str | None:
    """Name the published weights that open_clip fetches.

    Args:
        parameters: As for `load_open_clip_model`.

    Returns:
        Their tag; None where the weights are a path or random, or the model is a repository.

    Raises:
        EncoderError: open_clip has no such weights for the model.
    """
    import open_clip

    named_by_repository = parameters.model.startswith(REMOTE_OR_FOLDER)
    if is_path(parameters.weights) or parameters.weights == "random" or named_by_repository:
        return None
    tags = open_clip.list_pretrained_tags_by_model(parameters.model)
    if parameters.weights not in tags:
        message = (
            f"open_clip has no weights {parameters.weights!r} for {parameters.model!r}. Set the "
            f"encoder's `weights` to one of {', '.join([*tags, 'random'])}, or to a file."
        )
        raise EncoderError(message)
    return parameters.weights
