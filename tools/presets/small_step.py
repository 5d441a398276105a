"""One real optimiser step of a preset's small copy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from chajong.training.errors import TrainingError
from chajong.training.layer_decay import parameter_groups
from tools.presets.building import SMALL_SIDE, challenge_classes, small_classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.backbone.parameters import BackboneParameters
    from chajong.members.clip.parameters import ClipParameters
    from chajong.training.parameters import TrainingParameters

PHOTOS = 4


def step_on_small_copy(
    parameters: BackboneParameters | ClipParameters, training: TrainingParameters
) -> float:
    """Train a small copy of a model for one step on the CPU, on photos of noise.

    Args:
        parameters: The model at its full size.
        training: Rates, decays, and whether activations are computed twice.

    Returns:
        The loss after the step.

    Raises:
        EncoderError: The model is unknown, cannot be made smaller, or cannot compute activations
            twice.
        TrainingError: The loss is not a number.
    """
    model = small_classifier(parameters)
    if training.gradient_checkpointing:
        model.set_gradient_checkpointing(enabled=True)
    generator = torch.Generator().manual_seed(training.seed)
    shape = (PHOTOS, 3, SMALL_SIDE, SMALL_SIDE)
    photos = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.randint(challenge_classes()["effective_id"].nunique(), (PHOTOS,))
    share = torch.tensor([1.0, 1.0, 0.7, 0.4])
    return loss_after_step(model, (photos, labels, labels.flip(0), share), training)


def loss_after_step(model: Any, batch: Sequence[object], training: TrainingParameters) -> float:
    """Take one optimiser step.

    Args:
        model: A `PhotoClassifier` in training mode.
        batch: What its `forward` takes.
        training: Rates, decays and the longest gradient.

    Returns:
        The loss after the step.

    Raises:
        TrainingError: It is not a number.
    """
    optimiser = torch.optim.AdamW(parameter_groups(model, model.layer_depths(), training))
    model(*batch)["loss"].backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_norm)
    optimiser.step()
    with torch.no_grad():
        loss = float(model(*batch)["loss"])
    if not math.isfinite(loss):
        raise TrainingError(f"The loss of a small copy is {loss} after one step.")
    return loss
