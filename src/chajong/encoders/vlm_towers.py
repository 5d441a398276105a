"""Vision towers of vision-language models, without the language models that they see for.

Qwen2-VL (Wang et al. 2024, arXiv 2409.12191), Qwen2.5-VL (Bai et al. 2025, arXiv 2502.13923) and
LLaVA-1.5 (Liu et al. 2023, arXiv 2310.03744). A tower is built from the configuration's vision part
on no device, and gets its tensors as they are read: its weights are in memory once, and the
language model's never.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from chajong.device import best_device, best_precision
from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.encoders.published import model_files
from chajong.encoders.sharded_weights import (
    ReadTensors,
    assign_weights,
    open_sharded_weights,
    read_tensors,
)
from chajong.encoders.weights import told_of_loading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chajong.encoders.parameters import (
        PixelBudget,
        PooledFeatures,
        VlmTowerParameters,
    )
    from chajong.encoders.published import FromWeights

QWEN_PARTS = {"tower.": ("visual.", "model.visual.")}
LLAVA_PARTS = {
    "tower.": (
        "vision_tower.vision_model.",
        "model.vision_tower.vision_model.",
        "vision_tower.",
        "model.vision_tower.",
    ),
    "projector.": ("multi_modal_projector.", "model.multi_modal_projector."),
}
PARTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "qwen2_5_vl": QWEN_PARTS,
    "qwen2_vl": QWEN_PARTS,
    "llava": LLAVA_PARTS,
}
"""What the parts of a tower are called in published weights, by the configuration's model type."""


class QwenTower(torch.nn.Module):
    """The tower of Qwen2-VL or Qwen2.5-VL, from normalised photos to one vector each."""

    def __init__(self, config: Any, features: PooledFeatures) -> None:
        """Build the tower.

        Args:
            config: Configuration of the whole model.
            features: Which output is averaged.
        """
        super().__init__()
        self.tower = _qwen_tower(config)
        self._features: PooledFeatures = features

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, features]."""
        patches, grid = patch_rows(photos, self.tower.config)
        out = self.tower(patches, grid_thw=grid)
        # Qwen2.5-VL's patches leave in the order of its windows, but photo by photo.
        hidden = out.last_hidden_state.unflatten(0, (len(photos), -1))
        merged = out.pooler_output.unflatten(0, (len(photos), -1))
        return pooled(hidden, merged, self._features)


class LlavaTower(torch.nn.Module):
    """The tower and the projector of LLaVA, from normalised photos to one vector each.

    The patches are those of the block that the language model reads, the last but one, without the
    class token: what was never trained to be looked at is left out.
    """

    def __init__(self, config: Any, features: PooledFeatures) -> None:
        """Build tower and projector.

        Args:
            config: Configuration of the whole model.
            features: Which output is averaged.
        """
        from transformers import AutoModel
        from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

        super().__init__()
        self.tower = AutoModel.from_config(config.vision_config)
        self.projector = LlavaMultiModalProjector(config)
        self._layer = config.vision_feature_layer
        self._features: PooledFeatures = features

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, features]."""
        out = self.tower(photos, output_hidden_states=self._layer)
        patches = out.hidden_states[self._layer][:, 1:]
        return pooled(patches, self.projector(patches), self._features)


def load_vlm_tower(parameters: VlmTowerParameters) -> ImageModel:
    """Build a vision tower and read its tensors, and no others.

    Args:
        parameters: Which model, its pixel budget, and what is averaged.

    Returns:
        The tower on the best device there is, in the precision of a model of wide range.

    Raises:
        EncoderError: The model is of another kind, its weights are absent or do not fit, or the
            pixel budget is too small for it.
    """
    config = load_vlm_config(parameters)
    height, width = input_shape(config, parameters)
    network = tower_on_no_device(config, parameters.features)
    assign_weights(network, read_parts(parameters, PARTS[config.model_type]), parameters.model)
    if isinstance(network, QwenTower):
        flatten_patch_convolution(network.tower)
    mean, std = normalisation(parameters)
    return ImageModel(network, height, width, mean, std)


def load_vlm_config(parameters: FromWeights) -> Any:
    """Read a vision-language model's configuration.

    Args:
        parameters: Which model.

    Raises:
        EncoderError: There is none, or the model is of a kind that is not known here.
    """
    from transformers import AutoConfig

    folder = model_files(parameters).folder(())
    with told_of_loading(parameters.model):
        config = AutoConfig.from_pretrained(folder)
    if config.model_type not in PARTS:
        message = (
            f"{parameters.model!r} is a model of the kind {config.model_type!r}. Set the encoder's "
            f"`model` to one of {', '.join(PARTS)}."
        )
        raise EncoderError(message)
    return config


def normalisation(
    parameters: FromWeights,
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Read how a model's photos are normalised.

    Args:
        parameters: Which model.

    Returns:
        Channel means and standard deviations on a scale of 0 to 1.

    Raises:
        EncoderError: The model has no image processor.
    """
    from transformers import AutoImageProcessor

    folder = model_files(parameters).folder(())
    with told_of_loading(parameters.model):
        processor: Any = AutoImageProcessor.from_pretrained(folder)
    return tuple(processor.image_mean), tuple(processor.image_std)


def input_shape(config: Any, budget: PixelBudget) -> tuple[int, int]:
    """Say which height and width photos are brought to.

    Args:
        config: Configuration of the whole model.
        budget: How many pixels it may see.

    Returns:
        Height and width in pixels.

    Raises:
        EncoderError: The budget is smaller than the least that the model can see.
    """
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    vision = config.vision_config
    if config.model_type == "llava":
        height = width = vision.image_size
    else:
        side = vision.patch_size * vision.spatial_merge_size
        wanted = math.sqrt(budget.max_pixels / budget.aspect_ratio)
        height, width = smart_resize(
            round(wanted), round(wanted * budget.aspect_ratio), side, side**2, budget.max_pixels
        )
    if height * width > budget.max_pixels:
        message = (
            f"The model sees at least {height} x {width} pixels of a photo, but `max_pixels` is "
            f"{budget.max_pixels}. Set it to {height * width} or more."
        )
        raise EncoderError(message)
    return height, width


def patch_rows(photos: torch.Tensor, vision: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut photos into the rows that Qwen2-VL's tower reads.

    Patches that are merged into one token follow one another, and a photo is a film of
    `temporal_patch_size` equal pictures.

    Args:
        photos: Normalised, [n, 3, height, width], sides in whole merged patches.
        vision: The tower's configuration.

    Returns:
        Patches [n * rows * columns, 3 * temporal * patch * patch], and int64 [n, 3] with each
        photo's pictures, rows and columns of patches.
    """
    patch, merge = vision.patch_size, vision.spatial_merge_size
    count, _, height, width = photos.shape
    rows, columns = height // patch, width // patch
    cut = photos.unflatten(3, (columns // merge, merge, patch))
    cut = cut.unflatten(2, (rows // merge, merge, patch))
    ordered = cut.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6)
    film = ordered.expand(*(-1,) * 6, vision.temporal_patch_size, -1, -1)
    grid = torch.tensor([[1, rows, columns]], device=photos.device).expand(count, 3)
    return film.reshape(count * rows * columns, -1), grid


def flatten_patch_convolution(tower: Any) -> None:
    """Make the first layer of a Qwen tower the matrix product that it is.

    Its patches come as rows already: a convolution in three dimensions over each of them gives the
    same numbers more slowly, and its weight has no channels-last form.

    Args:
        tower: Qwen2-VL's or Qwen2.5-VL's; its layer ``patch_embed`` is replaced.
    """
    kernel = tower.patch_embed.proj.weight.detach()
    tower.patch_embed = torch.nn.Linear(kernel[0].numel(), len(kernel), bias=False, device="meta")
    tower.patch_embed.weight = torch.nn.Parameter(kernel.flatten(1), requires_grad=False)


def pooled(
    patches: torch.Tensor, projected: torch.Tensor, features: PooledFeatures
) -> torch.Tensor:
    """Average a tower's outputs over each photo.

    Args:
        patches: [n, patches, d].
        projected: [n, tokens, e].
        features: Which of the two, or both side by side.

    Returns:
        [n, d], [n, e] or [n, d + e].
    """
    chosen = {"patches": [patches], "projected": [projected], "both": [patches, projected]}
    return torch.cat([part.float().mean(1) for part in chosen[features]], dim=1)


def tower_on_no_device(config: Any, features: PooledFeatures) -> QwenTower | LlavaTower:
    """Build a tower whose weights have shapes and no numbers.

    Args:
        config: Configuration of the whole model.
        features: Which output is averaged.
    """
    from accelerate import init_empty_weights

    # Buffers such as the frequencies of positions are computed, not read: they stay real.
    with init_empty_weights(include_buffers=False):
        build = LlavaTower if config.model_type == "llava" else QwenTower
        return build(config, features)


def read_parts(parameters: FromWeights, parts: Mapping[str, Sequence[str]]) -> ReadTensors:
    """Read the parts of a tower.

    Args:
        parameters: Which model.
        parts: What each part of the network here may be called in the weights.

    Returns:
        The tensors by their names here, in the precision of the best device there is, on it.

    Raises:
        EncoderError: A part or a file is missing, or a file cannot be read.
    """
    device = best_device()
    dtype = best_precision(wide_range=True)
    weights = open_sharded_weights(model_files(parameters))
    read = {here: read_tensors(weights, there, dtype, device) for here, there in parts.items()}
    return ReadTensors(
        {
            here + name: tensor
            for here, part in read.items()
            for name, tensor in part.tensors.items()
        },
        tuple(dict.fromkeys(file for part in read.values() for file in part.files)),
        sum(part.bytes_read for part in read.values()),
    )


def _qwen_tower(config: Any) -> Any:
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
        Qwen2_5_VisionTransformerPretrainedModel,
    )
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

    towers: dict[str, Any] = {
        "qwen2_5_vl": Qwen2_5_VisionTransformerPretrainedModel,
        "qwen2_vl": Qwen2VisionTransformerPretrainedModel,
    }
    return towers[config.model_type]._from_config(config.vision_config)
