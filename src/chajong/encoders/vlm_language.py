"""What a vision-language model's language model makes of a photo and a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chajong.device import best_device, best_precision
from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.encoders.published import model_files
from chajong.encoders.vlm_towers import (
    flatten_patch_convolution,
    input_shape,
    load_vlm_config,
    patch_rows,
)
from chajong.encoders.weights import check_complete, told_of_loading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from chajong.encoders.parameters import VlmLanguageParameters


class LanguageNetwork(torch.nn.Module):
    """A vision-language model without its vocabulary, from normalised photos to one vector each.

    Photos of one shape and one prompt make the same tokens for every photo: they are found once,
    and no batch is ever padded.
    """

    def __init__(
        self, model: Any, tokens: Mapping[str, torch.Tensor], pooling: Literal["last", "mean"]
    ) -> None:
        """Take a model and the tokens of its prompt.

        Args:
            model: The model of transformers, without its head.
            tokens: ``input_ids`` [1, tokens], and, where the model tells photos from text by it,
                ``mm_token_type_ids`` of the same shape.
            pooling: Which hidden state is taken.
        """
        super().__init__()
        self.model = model
        self._tokens = dict(tokens)
        self._pooling = pooling

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, height, width] as [n, hidden]."""
        tokens = {
            name: ids.to(photos.device).expand(len(photos), -1)
            for name, ids in self._tokens.items()
        }
        hidden: torch.Tensor = self.model(
            **tokens, **self._vision_inputs(photos), use_cache=False
        ).last_hidden_state
        return hidden[:, -1] if self._pooling == "last" else hidden.float().mean(1)

    def _vision_inputs(self, photos: torch.Tensor) -> dict[str, torch.Tensor]:
        config = self.model.config
        if config.model_type == "llava":
            return {"pixel_values": photos}
        patches, grid = patch_rows(photos, config.vision_config)
        return {"pixel_values": patches, "image_grid_thw": grid}


def load_vlm_language(parameters: VlmLanguageParameters) -> ImageModel:
    """Build a vision-language model and load its weights.

    Args:
        parameters: Which model, its pixel budget, its prompt and what is taken from it.

    Returns:
        The model on the best device there is, in the precision of a model of wide range.

    Raises:
        EncoderError: The model is of another kind, its weights or its processor are absent or do
            not fit, the pixel budget is too small, or the chat template leaves the photo out.
    """
    config = load_vlm_config(parameters)
    height, width = input_shape(config, parameters)
    processor = _load_processor(parameters)
    tokens = prompt_tokens(processor, config, parameters, (height, width))
    model = _load_model(parameters)
    if config.model_type != "llava":
        flatten_patch_convolution(model.visual)
    network = LanguageNetwork(model, tokens, parameters.pooling)
    images = processor.image_processor
    return ImageModel(network, height, width, tuple(images.image_mean), tuple(images.image_std))


def prompt_tokens(
    processor: Any, config: Any, parameters: VlmLanguageParameters, shape: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Turn a photo and a prompt into tokens, up to where the model would begin to answer.

    Args:
        processor: The model's own, with its chat template.
        config: Configuration of the whole model.
        parameters: The prompt, and the model's name for errors.
        shape: Height and width of the photo in pixels.

    Returns:
        ``input_ids`` [1, tokens], the photo's place taken by as many tokens as it has, and
        ``mm_token_type_ids`` where the model tells photos from text by it.

    Raises:
        EncoderError: The chat template leaves the photo out, or gives it another number of tokens
            than the model does.
    """
    content = [{"type": "image"}, {"type": "text", "text": parameters.prompt}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    blank = np.zeros((*shape, 3), np.uint8)
    try:
        made = processor(images=[blank], text=[text], do_resize=False, return_tensors="pt")
    except ValueError as error:
        raise _wrong_processor(parameters.model, str(error)) from error
    side = config.vision_config.patch_size * getattr(config.vision_config, "spatial_merge_size", 1)
    wanted = (shape[0] // side) * (shape[1] // side)
    found = int((made["input_ids"] == config.image_token_id).sum())
    if found != wanted:
        problem = f"They make {found} tokens of a photo, where the model makes {wanted}."
        raise _wrong_processor(parameters.model, problem)
    return {name: made[name] for name in ("input_ids", "mm_token_type_ids") if name in made}


def _load_processor(parameters: VlmLanguageParameters) -> Any:
    from transformers import AutoProcessor

    folder = model_files(parameters).folder(())
    with told_of_loading(parameters.model):
        return AutoProcessor.from_pretrained(folder)


def _load_model(parameters: VlmLanguageParameters) -> Any:
    from transformers import AutoModel

    folder, device = model_files(parameters).folder(), best_device()
    with told_of_loading(parameters.model):
        model, report = AutoModel.from_pretrained(
            folder,
            dtype=best_precision(wide_range=True),
            device_map=device,
            output_loading_info=True,
        )
    check_complete(report, parameters.model)
    return model


def _wrong_processor(model: str, problem: str) -> EncoderError:
    message = (
        f"The chat template and the processor of {model!r} do not fit its configuration. {problem} "
        "Keep the files of one model together."
    )
    return EncoderError(message)
