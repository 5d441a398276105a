"""What a fine-tuned vision-language model costs: as in `cost`, with its frozen part in 4 bits."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch._subclasses.fake_tensor import unset_fake_temporarily
from transformers import AutoModelForImageTextToText
from transformers.modeling_outputs import BaseModelOutputWithPooling

from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import VlmLanguageParameters
from chajong.encoders.vlm_towers import patch_rows
from chajong.members.vlm.adapters import add_adapters
from chajong.members.vlm.base_model import is_in_four_bits
from chajong.members.vlm.classifier import VlmClassifier
from chajong.members.vlm.name_scoring.model import PreparedPrompts, VisionLanguageModel
from chajong.members.vlm.parameters import HintsParameters
from chajong.members.vlm.questions import QuestionWriter
from chajong.training.moving_average import trained_weights
from tools.presets.building import challenge_classes
from tools.presets.cost import (
    ADAMW_BYTES,
    RESERVE_GB,
    Cost,
    Meter,
    run_on_shapes,
    size_in_bytes,
)
from tools.presets.published import published_configuration
from tools.presets.qwen_tokens import count_tokens, name_tokens
from tools.presets.vlm_building import full_vlm_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.vlm.parameters import (
        VlmClassifierParameters,
        VlmTrainingParameters,
    )
    from chajong.members.vlm.questions import Question

HINTED = HintsParameters(member="another")
"""Five names of another member in every question."""

BITS = 4.127
"""Of a parameter in 4 bits with its doubly quantised scales (QLoRA, NeurIPS 2023, section 3)."""

CHAT_TOKENS = 24
"""More than what the chat template puts around a photo and a question."""

END = 0
"""Stands for the token that ends an answer."""

CONFIGURED = ("qwen2_5_vl",)
"""Kinds of model that can be sized here."""


class ShapesReader(VisionLanguageModel):
    """Reads photos and prompts that have shapes and no numbers, without tokenizer or processor."""

    def __init__(self, network: Any, image_size: tuple[int, int]) -> None:
        """Keep the network, and the height and width of its photos in pixels."""
        super().__init__(network, processor=None)
        self._image_size = image_size

    def name_tokens(self, name: str) -> tuple[int, ...]:
        """Spell one of the challenge's names as Qwen does; a small vocabulary has other numbers."""
        vocabulary = self.network.config.text_config.vocab_size
        return (*(1 + token % (vocabulary - 1) for token in name_tokens()[name]), END)

    def prepare(self, photos: Sequence[Any], prompts: Sequence[str]) -> PreparedPrompts:
        """Let the tower see photos, and lay out as many tokens as they and the prompts have."""
        model = self.network.base_model
        patches, grid = patch_rows(
            torch.empty(len(photos), 3, *self._image_size), model.config.vision_config
        )
        seen = model.visual(patches.to(model.visual.dtype), grid_thw=grid).pooler_output
        longest = max(map(count_tokens, prompts))
        shape = (len(photos), len(seen) // len(photos) + CHAT_TOKENS + longest)
        inputs: dict[str, Any] = {
            "input_ids": torch.zeros(shape, dtype=torch.int64),
            "attention_mask": torch.ones(shape, dtype=torch.int64),
            "mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=(seen,))},
        }
        return PreparedPrompts(inputs, torch.zeros(3, *shape, dtype=torch.int64))


@dataclass(frozen=True, eq=False)
class SizedVlm:
    """A fine-tuned model at its full size on the meta device.

    Attributes:
        model: The classifier, with adapters.
        frozen: Bytes of what is not trained, as a GPU keeps it.
        unpacked: Bytes of the largest layer in 4 bits while it is multiplied.
        parameters: Numbers in the model.
    """

    model: VlmClassifier
    frozen: float
    unpacked: int
    parameters: int


def vlm_training_cost(
    parameters: VlmClassifierParameters,
    training: VlmTrainingParameters,
    hints: HintsParameters = HINTED,
) -> Cost:
    """Estimate what one pass of an optimiser step takes, from shapes at full size.

    Args:
        parameters: The model; its weights are neither read nor fetched.
        training: How it is trained.
        hints: What questions tell.

    Returns:
        The cost of one process. Computing activations twice is counted, unpacking weights is not.
        One photo is measured: others add as much.

    Raises:
        EncoderError: The model's configuration is not known here, or the pixel budget is too small.
    """
    sized = full_vlm_classifier(parameters)
    model = sized.model.train()
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    count = sum(weight.numel() for weight in trainable)
    averaged = size_in_bytes(trained_weights(model).values())
    model.set_gradient_checkpointing(enabled=training.gradient_checkpointing)
    photos = training.batch_size // (training.gradient_accumulation * training.processes)
    half = training.precision != "float32"
    if half:
        _adapt_in_half_precision(model, parameters)
    meter = run_on_shapes(model, lambda meter: _one_pass(model, hints, half=half))
    static = size_in_bytes(trainable) + (4 + ADAMW_BYTES) * count + averaged
    # The optimiser's step makes a copy of the weights when the activations are gone.
    peak = sized.frozen + sized.unpacked + static + max(photos * meter.peak, 4 * count)
    return Cost(
        parameters=sized.parameters,
        trainable=count,
        image_size=model.image_size,
        photos=photos,
        memory_gb=peak / 1e9 + RESERVE_GB,
        operations=meter.operations,
    )


def vlm_scoring_cost(parameters: VlmClassifierParameters, hints: HintsParameters = HINTED) -> Cost:
    """Estimate what a batch of questions takes, adapters included; one photo is measured.

    Args:
        parameters: The model.
        hints: What questions tell; without a hinting member each is about every name.

    Returns:
        The cost on one GPU.

    Raises:
        EncoderError: As for `vlm_training_cost`.
    """
    sized = full_vlm_classifier(parameters)
    model, photos = sized.model.eval(), parameters.prediction_batch_size
    adapters = [weight for weight in model.parameters() if weight.requires_grad]
    static = sized.frozen + sized.unpacked + size_in_bytes(adapters)
    questions = example_questions(parameters, 1, hints)
    picture = np.empty((*model.image_size, 3), np.uint8)

    def score(meter: Meter) -> None:
        names = model.candidate_names(questions)
        with torch.no_grad():
            model.scorer.log_likelihoods([picture], [questions[0].prompt], names)

    meter = run_on_shapes(model.requires_grad_(requires_grad=False), score)
    return Cost(
        parameters=sized.parameters,
        trainable=0,
        image_size=model.image_size,
        photos=photos,
        memory_gb=(static + photos * meter.peak) / 1e9 + RESERVE_GB,
        operations=meter.operations,
    )


def full_vlm_classifier(parameters: VlmClassifierParameters) -> SizedVlm:
    """Build a model with its adapters at full size on the meta device, in bfloat16.

    Raises:
        EncoderError: The model's configuration is not known here, or the pixel budget is too small.
    """
    with torch.device("meta"):
        network, image_size = _network(parameters)
        packed = _packed_weights(network) if parameters.quantisation == "nf4" else []
        every = list(network.parameters())
        frozen = size_in_bytes(every) + sum(each.numel() * (BITS / 8 - 2) for each in packed)
        adapted = add_adapters(network, parameters)
        names = example_names(parameters)
        model = VlmClassifier(adapted, None, names, parameters, image_size)
    model.reader = ShapesReader(network, image_size)
    return SizedVlm(
        model=model,
        frozen=frozen,
        unpacked=max((each.nbytes for each in packed), default=0),
        parameters=sum(weight.numel() for weight in model.parameters()),
    )


def example_questions(
    parameters: VlmClassifierParameters, count: int, hints: HintsParameters = HINTED
) -> list[Question]:
    """Word questions with hints about names that have little in common, which takes most memory.

    Args:
        parameters: What is asked.
        count: How many questions.
        hints: What they tell.

    Returns:
        Questions; the first candidate of each is taken to be right.
    """
    writer = _writer(parameters, hints)
    generator = np.random.default_rng(parameters.seed)
    predicted = np.log(generator.dirichlet(np.ones(len(writer.names)), size=count))
    return [
        writer.in_prediction(f"TEST_{number}", predicted[number] if hints.given else None)
        for number in range(count)
    ]


def example_names(parameters: VlmClassifierParameters) -> tuple[str, ...]:
    """Write the challenge's classes as they are asked about."""
    return _writer(parameters, HINTED).names


def _writer(parameters: VlmClassifierParameters, hints: HintsParameters) -> QuestionWriter:
    names = challenge_classes()["effective_class"].drop_duplicates().tolist()
    return QuestionWriter(parameters, hints, names)


def _network(parameters: VlmClassifierParameters) -> tuple[Any, tuple[int, int]]:
    config = published_configuration(parameters.model)
    if config.model_type not in CONFIGURED:
        message = (
            f"The dry check cannot size the training of {parameters.model!r}, a "
            f"{config.model_type!r}: name a model of the kinds {', '.join(CONFIGURED)}."
        )
        raise EncoderError(message)
    budget = VlmLanguageParameters(
        model=parameters.model,
        max_pixels=parameters.max_pixels,
        aspect_ratio=parameters.aspect_ratio,
    )
    encoder, image_size = full_vlm_encoder(budget)
    network: Any = AutoModelForImageTextToText.from_config(
        config, dtype=torch.bfloat16, attn_implementation="sdpa"
    )
    network.model = encoder.model
    network.tie_weights()
    # It would see whether there is a token for each part of the photo, which takes numbers.
    network.model.get_placeholder_mask = _photo_first
    return network.requires_grad_(False), image_size


def _photo_first(
    input_ids: torch.Tensor, inputs_embeds: torch.Tensor, image_features: torch.Tensor
) -> tuple[torch.Tensor, None]:
    mask = torch.zeros(*input_ids.shape, 1, dtype=torch.bool)
    mask[:, : len(image_features) // len(input_ids)] = True
    return mask, None


def _packed_weights(network: Any) -> list[torch.Tensor]:
    return [
        layer.weight
        for name, layer in network.named_modules()
        if isinstance(layer, torch.nn.Linear) and is_in_four_bits(name)
    ]


def _adapt_in_half_precision(model: VlmClassifier, parameters: VlmClassifierParameters) -> None:
    """Let adapters of 4-bit layers read what those read, as they do where autocast is on."""
    for name, layer in model.reader.network.named_modules():
        if isinstance(layer, BaseTunerLayer) and is_in_four_bits(name):
            layer.cast_input_dtype_enabled = parameters.quantisation != "nf4"


def _one_pass(model: VlmClassifier, hints: HintsParameters, *, half: bool) -> None:
    """Go forward and back with one photo, as the passes of an optimiser step do with more."""
    questions = example_questions(model.settings, 1, hints)
    picture = torch.empty(1, 3, *model.image_size, dtype=torch.uint8)
    with unset_fake_temporarily():  # where it is among the candidates takes a number
        label = torch.tensor([questions[0].candidates[0]])
    precision = torch.autocast("cpu", dtype=torch.bfloat16) if half else nullcontext()
    with precision:
        loss = model(picture, label, label, torch.ones(1), questions)["loss"]
    loss.backward()
