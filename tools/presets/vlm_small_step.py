"""One real optimiser step of a fine-tuned vision-language model's small copy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from chajong.members.vlm.classifier import build_vlm_classifier
from tools.presets.small_step import loss_after_step
from tools.presets.vlm_cost import HINTED, example_names, example_questions
from tools.tiny_vlm import make_tiny_qwen

if TYPE_CHECKING:
    from chajong.members.vlm.parameters import (
        HintsParameters,
        VlmClassifierParameters,
        VlmTrainingParameters,
    )

PHOTOS = 2

SMALL = {"model": "tiny_vlm", "max_pixels": 84 * 112, "aspect_ratio": 4 / 3}
"""What is not the preset's own; the tiny tower has fewer blocks than any preset changes."""


def vlm_step_on_small_copy(
    parameters: VlmClassifierParameters,
    training: VlmTrainingParameters,
    hints: HintsParameters = HINTED,
) -> float:
    """Train a tiny Qwen2.5-VL for one step on photos of noise, quantised and adapted alike.

    Args:
        parameters: The model at its full size.
        training: Rates, decays, and whether activations are computed twice.
        hints: What questions tell.

    Returns:
        The loss after the step.

    Raises:
        EncoderError: Weights are to be in 4 bits and bitsandbytes is not installed.
        TrainingError: The loss is not a number.
    """
    questions = example_questions(parameters, PHOTOS, hints)
    with tempfile.TemporaryDirectory() as folder:
        names = example_names(parameters)
        make_tiny_qwen(Path(folder), [*names, *(question.prompt for question in questions)])
        small = parameters.model_copy(update={**SMALL, "weights": folder})
        model = build_vlm_classifier(small, names, trained=True)
    model.set_gradient_checkpointing(enabled=training.gradient_checkpointing)
    generator = torch.Generator().manual_seed(training.seed)
    shape = (PHOTOS, 3, *model.image_size)
    photos = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.tensor([question.candidates[0] for question in questions])
    photos, labels = (each.to(model.reader.network.device) for each in (photos, labels))
    batch = (photos, labels, labels, torch.ones(PHOTOS), questions)
    return loss_after_step(model, batch, training)
