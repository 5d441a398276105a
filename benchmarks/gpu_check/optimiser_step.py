"""An optimiser step as the training engine makes it, without loading photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks.gpu_check.timing import median_seconds
from chajong.device import best_precision, mixed_precision
from chajong.training.layer_decay import parameter_groups
from chajong.training.moving_average import MovingAverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.training.parameters import TrainingParameters

DRY_PHOTOS = 2


class OptimiserStep:
    """The parts of a step: passes that add up gradients, and what is done with these."""

    def __init__(
        self, model: Any, training: TrainingParameters, batch: Sequence[object], *, compiled: bool
    ) -> None:
        """Set up optimiser and averaged weights.

        Args:
            model: A `PhotoClassifier` on its device, in training mode.
            training: Rates, decays, and whether activations are computed twice.
            batch: What the model takes in one pass.
            compiled: Whether ``torch.compile`` is used.
        """
        if training.gradient_checkpointing:
            model.set_gradient_checkpointing(enabled=True)
        self._model = model
        self._run = torch.compile(model) if compiled else model
        self._training = training
        self._batch = batch
        self._optimiser = torch.optim.AdamW(parameter_groups(model, model.layer_depths(), training))
        self._average = MovingAverage(model, horizon=100)

    def seconds(self) -> float:
        """Time a step: one of its passes as often as there are, and what comes after them."""
        self._pass()  # without gradients the optimiser would have nothing to do
        after = median_seconds(self._after)
        one_pass = median_seconds(self._pass)
        return self._training.gradient_accumulation * one_pass + after

    def _pass(self) -> None:
        # With gradient accumulation most passes find the gradients of others.
        if self._training.gradient_accumulation == 1:
            self._optimiser.zero_grad()
        with mixed_precision(best_precision(wide_range=self._training.wide_range)):
            loss = self._run(*self._batch)["loss"]
        (loss / self._training.gradient_accumulation).backward()

    def _after(self) -> None:
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._training.gradient_norm)
        self._optimiser.step()
        self._average.update(self._model, step=1)


def photos_of_a_pass(training: TrainingParameters, *, dry: bool) -> int:
    """Say how many photos a process sees at once."""
    return (
        DRY_PHOTOS
        if dry
        else training.batch_size // (training.gradient_accumulation * training.processes)
    )
