"""Fine-tuned vision-language models of the presets: loading in 4 bits, all names, and a step."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.gpu_check.optimiser_step import OptimiserStep, photos_of_a_pass
from benchmarks.gpu_check.random_models import random_vlm_classifier
from benchmarks.gpu_check.rows import Finding, Items, NoHardware
from benchmarks.gpu_check.timing import forget_peak, median_seconds, peak_memory, seconds_of
from benchmarks.gpu_check.training import estimated_figures, raise_if_smaller, step_figures
from chajong.members.kinds.vlm import VlmMemberParameters
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.members.vlm.parameters import HintsParameters
from chajong.members.vlm.questions import spoken_names
from chajong.names.challenge import challenge_names
from tools.check_presets import MEMORY, members_of
from tools.presets.cost import RESERVE_GB
from tools.presets.vlm_cost import (
    example_questions,
    full_vlm_classifier,
    vlm_scoring_cost,
    vlm_training_cost,
)

if TYPE_CHECKING:
    from chajong.members.vlm.classifier import VlmClassifier


class PresetModel:
    """A preset's model from its loading to its training step.

    Attributes:
        model: The model, None before it is loaded.
    """

    def __init__(self, environment: str, member: VlmMemberParameters, *, dry: bool) -> None:
        """Keep what the preset says; nothing is built yet."""
        self.model: VlmClassifier | None = None
        self._environment = environment
        self._member = member
        self._dry = dry

    def items(self) -> Items:
        """List the measurements; the later ones need the first."""
        return [
            (f"{self._environment}: load in 4 bits", self._load),
            (f"{self._environment}: all names of a photo", self._all_names),
            (f"{self._environment}: step", self._step),
        ]

    def estimates(self) -> Items:
        """List what is reckoned from the model's shapes, under the same names."""
        reckoned = (self._estimated_load, self._estimated_names, self._estimated_step)
        names = [name for name, _ in self.items()]
        return list(zip(names, reckoned, strict=True))

    def _load(self) -> Finding:
        forget_peak()
        with tempfile.TemporaryDirectory() as folder:
            seconds = seconds_of(partial(self._build, Path(folder)))
        memory = peak_memory()
        if memory:
            memory["kept_gb"] = torch.cuda.memory_allocated() / 1e9
        note = "random weights, drawn and quantised layer by layer"
        return Finding({"seconds_to_load": seconds, **memory}, note)

    def _build(self, folder: Path) -> None:
        member = self._member
        self.model = random_vlm_classifier(member.model, member.hints, folder, dry=self._dry)

    def _all_names(self) -> Finding:
        model = self._loaded().eval()
        model.set_gradient_checkpointing(enabled=False)
        scorer = NamesInOnePass(model.reader)
        photo = np.random.default_rng(0).integers(0, 256, (*model.image_size, 3), np.uint8)
        prompt = example_questions(model.settings, 1, self._member.hints)[0].prompt
        names = list(spoken_names(challenge_names()))
        forget_peak()
        seconds = median_seconds(lambda: scorer.score([photo], [prompt], [names]))
        note = f"{len(names)} names"
        return Finding({"seconds_per_photo": seconds, **peak_memory()}, note)

    def _step(self) -> Finding:
        model, training = self._loaded().train(), self._member.training
        photos = photos_of_a_pass(training, dry=self._dry)
        batch = _batch(photos, model, self._member.hints)
        try:
            forget_peak()
            seconds = OptimiserStep(model, training, batch, compiled=False).seconds()
        except torch.OutOfMemoryError as error:
            raise_if_smaller(self._environment, error)
            raise
        finally:
            self.model = None
        return Finding(step_figures(seconds, photos, training))

    def _loaded(self) -> VlmClassifier:
        if self.model is None:
            raise NoHardware("the model was not loaded")
        return self.model

    def _estimated_load(self) -> Finding:
        sized = full_vlm_classifier(self._member.model)
        return Finding({"kept_gb": sized.frozen / 1e9})

    def _estimated_names(self) -> Finding:
        one_by_one = self._member.model.model_copy(update={"prediction_batch_size": 1})
        cost = vlm_scoring_cost(one_by_one, HintsParameters())
        return Finding({"allocated_gb": cost.memory_gb - RESERVE_GB, "reserved_gb": cost.memory_gb})

    def _estimated_step(self) -> Finding:
        training = self._member.training
        cost = vlm_training_cost(self._member.model, training, self._member.hints)
        return Finding(estimated_figures(self._environment, cost, training))


def items(*, dry: bool) -> Items:
    """List the measurements."""
    return [item for preset in _presets(dry=dry) for item in preset.items()]


def estimates(*, dry: bool) -> Items:
    """List what is reckoned from the models' shapes; nothing in the dry form, since it is slow."""
    return [] if dry else [item for preset in _presets(dry=dry) for item in preset.estimates()]


def _presets(*, dry: bool) -> list[PresetModel]:
    return [
        PresetModel(environment, member, dry=dry)
        for environment in MEMORY
        for member in members_of(environment).values()
        if isinstance(member, VlmMemberParameters) and member.training
    ]


def _batch(photos: int, model: VlmClassifier, hints: HintsParameters) -> tuple[object, ...]:
    device = model.reader.network.device
    size = (photos, 3, *model.image_size)
    pictures = torch.randint(256, size, dtype=torch.uint8, device=device)
    questions = example_questions(model.settings, photos, hints)
    labels = torch.tensor([question.candidates[0] for question in questions], device=device)
    return pictures, labels, labels, torch.ones(photos), questions
