"""Image towers of open_clip."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import OPEN_CLIP_WEIGHTS, hub_files, local_files
from chajong.encoders.image_model import ImageModel
from chajong.encoders.published import ON_THE_HUB, model_folder, open_clip_repository
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

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from chajong.encoders.hub import ModelFiles
    from chajong.encoders.parameters import PretrainedParameters

QUICK = "-quickgelu"
"""Ends the names of models that compute the quick GELU."""

DESCRIPTION = "open_clip_config.json"

REMOTE_CODE = "trust_remote_code"
"""The setting by which libraries run code that comes with a model."""

IN_A_FOLDER = (
    *OPEN_CLIP_WEIGHTS,
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
"""What open_clip takes for weights in a folder, in its order."""

OF_PHOTOS = ("mean", "std", "interpolation", "resize_mode", "fill_color")
"""What open_clip keeps with a tag of how photos are prepared."""


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

    source = open_clip_source(parameters)
    file = _weights_file(parameters)
    torch.manual_seed(parameters.seed)
    with told_of_loading(parameters.model):
        wanted = file is None and parameters.weights != "random"
        network = open_clip.create_model(
            source,
            **_published(parameters),
            load_weights=wanted,
            require_pretrained=wanted,
            force_image_size=parameters.image_size,
        )
    if file:
        described = f"The weights in {file} and the model {parameters.model!r}"
        fit_weights(network, _converted(network, read_weights(file), described), described)
    return network


def _converted(
    network: Any, weights: dict[str, torch.Tensor], source: str
) -> dict[str, torch.Tensor]:
    """Rename and resample tensors as open_clip's own `load_checkpoint` does."""
    from open_clip.convert import convert_state_dict
    from open_clip.factory import convert_to_custom_text_state_dict
    from open_clip.model import resize_pos_embed, resize_text_pos_embed

    with conversion(source):
        converted: dict[str, torch.Tensor] = convert_state_dict(network, dict(weights))
        if "positional_embedding" in converted and not hasattr(network, "positional_embedding"):
            converted = convert_to_custom_text_state_dict(converted)
        for name in ("logit_scale", "logit_bias"):
            wanted = getattr(network, name)
            if name in converted and wanted is not None:
                converted[name] = converted[name].reshape(wanted.shape)
        # Text towers of transformers no longer keep this buffer.
        converted.pop("text.transformer.embeddings.position_ids", None)
        resize_pos_embed(converted, network)
        resize_text_pos_embed(converted, network)
    return converted


def open_clip_source(parameters: PretrainedParameters) -> str:
    """Say what open_clip builds the model, and its tokenizer, from.

    Args:
        parameters: As for `load_open_clip_model`.

    Returns:
        ``local-dir:`` and a folder where the weights are one or the model is a hub repository, the
        model's name otherwise.

    Raises:
        EncoderError: The model is unknown, the weights' path does not exist, the repository cannot
            be had, or a folder holds no weights or asks for code to be run.
    """
    import open_clip

    # A folder says itself what it holds, under any name.
    local = _local_folder(parameters)
    if local is not None:
        folder = local.folder(() if _brings_no_weights(parameters) else IN_A_FOLDER)
    elif parameters.model.startswith(ON_THE_HUB):
        files = hub_files(parameters.model.partition(":")[2], parameters.revision)
        folder = files.folder(() if _brings_no_weights(parameters) else OPEN_CLIP_WEIGHTS)
    else:
        known = open_clip.list_models()
        if parameters.model not in known:
            raise unknown_model(parameters.model, "open_clip", known)
        return parameters.model
    _refuse_code(folder)
    return f"{LOCAL_MODEL}{folder}"


def _local_folder(parameters: PretrainedParameters) -> ModelFiles | None:
    """List the folder that the weights are, or else the model is; None where neither is one."""
    if is_path(parameters.weights):
        path = existing_path(parameters.weights, parameters.model)
        if path.is_dir():
            return local_files(path)
    folder = model_folder(parameters)
    return local_files(folder) if folder else None


def _brings_no_weights(parameters: PretrainedParameters) -> bool:
    """Tell a folder that only describes the model: its weights are random, or a file elsewhere."""
    return parameters.weights == "random" or _weights_file(parameters) is not None


def _refuse_code(folder: Path) -> None:
    """See that a model's description does not have code run that lies beside it.

    open_clip hands what it says on to the library that reads the tokenizer.

    Raises:
        EncoderError: It does.
    """
    file = folder / DESCRIPTION
    if file.is_file() and REMOTE_CODE in file.read_text(encoding="utf-8"):
        message = (
            f"{file} asks for code of the model's own to be run ({REMOTE_CODE}), which is never "
            "done here: remove the word, or take another model."
        )
        raise EncoderError(message)


def _published(parameters: PretrainedParameters) -> dict[str, Any]:
    """Give the file of the weights that a tag means, and how its photos are normalised.

    open_clip knows the second by the tag alone, and takes the tag's newest file.
    """
    import open_clip

    tag = pretrained_tag(parameters)
    repository = open_clip_repository(parameters.model, tag) if tag else None
    if tag is None or repository is None:
        return {"pretrained": tag}
    files = hub_files(repository.name, parameters.revision)
    known = open_clip.get_pretrained_cfg(parameters.model, tag)
    return {
        "pretrained": str(files.fetch(files.weights(repository.candidates))),
        "force_preprocess_cfg": {name: known[name] for name in OF_PHOTOS if name in known},
    }


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

    named_by_repository = parameters.model.startswith((*ON_THE_HUB, LOCAL_MODEL))
    if is_path(parameters.weights) or parameters.weights == "random" or named_by_repository:
        return None
    tags = open_clip.list_pretrained_tags_by_model(parameters.model)
    if parameters.weights not in tags:
        message = (
            f"open_clip has no weights {parameters.weights!r} for {parameters.model!r}. Set the "
            f"encoder's `weights` to one of {', '.join([*tags, 'random'])}, or to a file."
        )
        raise EncoderError(message)
    _check_activation(parameters)
    return parameters.weights


def _check_activation(parameters: PretrainedParameters) -> None:
    """Refuse weights that were trained with another GELU than the model computes.

    open_clip warns only, and the model then answers worse than it could.

    Raises:
        EncoderError: The weights want the exact GELU and the model has the quick one, or the other
            way about.
    """
    import open_clip

    trained = open_clip.get_pretrained_cfg(parameters.model, parameters.weights)
    computes = open_clip.get_model_config(parameters.model)
    if trained.get("quick_gelu", False) == computes.get("quick_gelu", False):
        return
    twin = parameters.model.removesuffix(QUICK)
    twin = twin if twin != parameters.model else twin + QUICK
    if twin not in open_clip.list_models():
        logger.warning(
            "The weights %r of %r were trained with another activation than this model computes "
            "(quick GELU), and open_clip has no other model for them.",
            parameters.weights,
            parameters.model,
        )
        return
    message = (
        f"The weights {parameters.weights!r} of {parameters.model!r} were trained with another "
        f"activation than this model computes (quick GELU). Set `model` to {twin!r}."
    )
    raise EncoderError(message)
