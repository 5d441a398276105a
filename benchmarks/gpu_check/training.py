"""Training steps of the presets at full size: seconds, memory, and the hours of a fold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.gpu_check.optimiser_step import OptimiserStep, photos_of_a_pass
from benchmarks.gpu_check.random_models import random_classifier
from benchmarks.gpu_check.rows import Finding, Items, NoHardware
from benchmarks.gpu_check.timing import forget_peak, peak_memory
from tools.check_presets import MEMORY, SPEED, TRAINING_PHOTOS, members_of
from tools.presets.building import challenge_classes
from tools.presets.cost import RESERVE_GB, Cost, training_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chajong.training.parameters import TrainingParameters


def items(*, dry: bool) -> Items:
    """List the measurements."""
    return [
        (name, partial(step_of_member, environment, member, dry=dry))
        for environment, name, member in _members()
    ]


def estimates(*, dry: bool) -> Items:
    """List what is reckoned from the models' shapes; in the dry form of the first preset only."""
    return [
        (name, partial(_estimate, environment, member))
        for environment, name, member in _members()
        if not dry or environment == next(iter(MEMORY))
    ]


def step_of_member(environment: str, member: Any, *, dry: bool, compiled: bool = False) -> Finding:
    """Train a preset's member for a few passes on noise.

    Args:
        environment: The preset.
        member: Its parameters.
        dry: Whether the model is small.
        compiled: Whether ``torch.compile`` is used.

    Returns:
        Seconds a step, photos a second, hours a fold without loading photos, and memory.

    Raises:
        NoHardware: The GPU is smaller than the preset's and its memory does not suffice.
    """
    training = member.training
    model = random_classifier(member.model, dry=dry)
    photos = photos_of_a_pass(training, dry=dry)
    batch = _batch(photos, model)
    try:
        forget_peak()
        seconds = OptimiserStep(model, training, batch, compiled=compiled).seconds()
    except torch.OutOfMemoryError as error:
        raise_if_smaller(environment, error)
        raise
    note = "compiled" if compiled else "not compiled, as the preset is" * training.compile
    return Finding(step_figures(seconds, photos, training), note)


def step_figures(seconds: float, photos: int, training: TrainingParameters) -> dict[str, float]:
    """Lay out what is known about a step; hours are for a fold's training in one process.

    Args:
        seconds: Of a step.
        photos: Of a pass.
        training: How many passes, epochs and photos there are.
    """
    steps = TRAINING_PHOTOS // training.batch_size * training.epochs
    return {
        "seconds_per_step": seconds,
        "photos_per_second": photos * training.gradient_accumulation / seconds,
        "hours_per_fold": steps * seconds / 3600,
        **peak_memory(),
    }


def estimated_figures(
    environment: str, cost: Cost, training: TrainingParameters
) -> dict[str, float]:
    """Lay out an estimate under the same names; its hours are for the preset's own GPU."""
    operations = cost.operations * TRAINING_PHOTOS * training.epochs
    return {
        "allocated_gb": cost.memory_gb - RESERVE_GB,
        "reserved_gb": cost.memory_gb,
        "hours_per_fold": operations / SPEED[environment] / 3600,
        "operations_per_photo": cost.operations,
    }


def raise_if_smaller(environment: str, error: Exception) -> None:
    """Tell apart a preset that is too large from a GPU that is too small for it.

    Raises:
        NoHardware: The GPU has less memory than the preset is for.
    """
    here = torch.cuda.get_device_properties(0).total_memory / 1e9
    if here < MEMORY[environment]:
        wanted = MEMORY[environment]
        message = f"out of memory: {environment} is for {wanted} GB, here are {here:.0f}"
        raise NoHardware(message) from error


def _members() -> Iterator[tuple[str, str, Any]]:
    """Give the members that are trained, but for vision-language models, which have a section."""
    for environment in MEMORY:
        for name, member in members_of(environment).items():
            if getattr(member, "training", None) is not None and member.kind != "vlm":
                yield environment, f"{environment}: {name}", member


def _batch(photos: int, model: Any) -> tuple[torch.Tensor, ...]:
    device = next(model.parameters()).device
    size = (photos, 3, *model.image_size)
    pictures = torch.randint(256, size, dtype=torch.uint8, device=device)
    classes = challenge_classes()["effective_id"].nunique()
    labels = torch.arange(photos, device=device) % classes
    return pictures, labels, labels.roll(1), torch.full((photos,), 0.7, device=device)


def _estimate(environment: str, member: Any) -> Finding:
    cost = training_cost(member.model, member.training)
    return Finding(estimated_figures(environment, cost, member.training))
