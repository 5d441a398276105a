"""The backbone's network: a timm model, or the photo tower of an open_clip model that is one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import OPEN_CLIP_WEIGHTS, local_files
from chajong.encoders.image_model import ImageModel
from chajong.encoders.timm_models import fit_timm_weights, timm_image_model
from chajong.encoders.weights import is_path, read_weights

if TYPE_CHECKING:
    from chajong.members.backbone.parameters import BackboneParameters

CONFIGURATION = "open_clip_config.json"
TRUNK = "visual.trunk."
"""What open_clip puts before the names of a timm model's tensors."""


def load_network(parameters: BackboneParameters) -> ImageModel:
    """Build the network that turns normalised photos into pooled features.

    Args:
        parameters: Which model, where its weights come from, and how photos are given to it.

    Returns:
        The network, with the image size and normalisation to use.

    Raises:
        EncoderError: The model is unknown, cannot drop paths, or the weights are absent or do not
            fit.
    """
    folder = Path(parameters.weights).expanduser()
    from_open_clip = is_path(parameters.weights) and (folder / CONFIGURATION).is_file()
    model = _open_clip_trunk(parameters, folder) if from_open_clip else _timm_model(parameters)
    return model.normalising_by(parameters.mean, parameters.std)


def _timm_model(parameters: BackboneParameters) -> ImageModel:
    return _build(parameters, parameters.weights, parameters.image_size, {})


def _open_clip_trunk(parameters: BackboneParameters, folder: Path) -> ImageModel:
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    configuration = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
    vision = configuration["model_cfg"]["vision_cfg"]
    _check_tower(vision.get("timm_model_name"), parameters.model, folder)
    size = parameters.image_size or _sides(vision["image_size"])
    # open_clip pools as its configuration says, and as the timm model does where it says nothing.
    pool = vision.get("timm_pool")
    built = _build(parameters, "random", size, {"global_pool": pool} if pool else {})
    file = folder / local_files(folder).weights(OPEN_CLIP_WEIGHTS)
    trunk = {
        name.removeprefix(TRUNK): tensor
        for name, tensor in read_weights(file).items()
        if name.startswith(TRUNK)
    }
    source = f"The photo tower in {file} and the model {parameters.model!r}"
    fit_timm_weights(built.network, trunk, source)
    photos = merge_preprocess_dict(PreprocessCfg(), configuration.get("preprocess_cfg", {}))
    mean, std = tuple(photos["mean"]), tuple(photos["std"])
    return ImageModel(built.network, built.height, built.width, mean, std)


def _sides(size: int | list[int]) -> int | tuple[int, int]:
    return size if isinstance(size, int) else (size[0], size[1])


def _check_tower(tower: str | None, model: str, folder: Path) -> None:
    from timm.models import split_model_name_tag

    if tower is None:
        message = (
            f"The photo tower of the open_clip model in {folder} is not a timm model. Give a "
            "folder whose vision_cfg has a timm_model_name, or weights of timm."
        )
        raise EncoderError(message)
    if split_model_name_tag(tower)[0] != split_model_name_tag(model)[0]:
        message = (
            f"The photo tower of the open_clip model in {folder} is {tower!r}, not {model!r}. "
            f"Set the backbone's `model` to {tower!r}."
        )
        raise EncoderError(message)


def _build(
    parameters: BackboneParameters,
    weights: str,
    image_size: int | tuple[int, int] | None,
    options: dict[str, object],
) -> ImageModel:
    build = partial(
        timm_image_model,
        parameters.model,
        weights,
        image_size,
        parameters.seed,
        revision=parameters.revision,
    )
    if not parameters.drop_path:
        return build(options=options)
    options = options | {"drop_path_rate": parameters.drop_path}
    try:
        return build(options=options)
    except TypeError as error:
        message = (
            f"timm cannot build {parameters.model!r} with drop_path {parameters.drop_path} "
            f"({error}). Set the backbone's `drop_path` to 0."
        )
        raise EncoderError(message) from error
