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
    import open_clip

    known = open_clip.list_models()
    if parameters.model not in known and not parameters.model.startswith(REMOTE_OR_FOLDER):
        raise unknown_model(parameters.model, "open_clip", known)
    visual = _build(parameters).visual
    mean, std = visual.preprocess_cfg["mean"], visual.preprocess_cfg["std"]
    size = visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    return ImageModel(visual, height, width, tuple(mean), tuple(std))


def _build(parameters: PretrainedParameters) -> Any:
    import open_clip
    import torch

    folder = file = None
    if is_path(parameters.weights):
        path = existing_path(parameters.weights, parameters.model)
        folder, file = (path, None) if path.is_dir() else (None, path)
    torch.manual_seed(parameters.seed)
    try:
        network = open_clip.create_model(
            f"local-dir:{folder}" if folder else parameters.model,
            pretrained=_pretrained_tag(parameters),
            load_weights=file is None and parameters.weights != "random",
            force_image_size=parameters.image_size,
        )
    except (OSError, RuntimeError) as error:
        raise download_failed(parameters.model, error) from error
    if file:
        source = f"The weights in {file} and the model {parameters.model!r}"
        fit_weights(network, read_safetensors(file), source)
    return network


def _pretrained_tag(parameters: PretrainedParameters) -> str | None:
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
