"""Nodes of small_clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chajong.members.checkpoint import Checkpoint
from chajong.members.clip.parameters import SmallClipParameters
from chajong.pipelines.small_clip.params import SmallClipPipelineParameters

UNSEEN_NAMES = 1600
"""All invented names that the shipped sample does not have."""


@dataclass(frozen=True)
class Start:
    """A small CLIP, initialised at random.

    Attributes:
        sentences: What its tokenizer learns from.
        settings: Its sizes.
    """

    sentences: tuple[str, ...]
    settings: SmallClipParameters

    def write(self, folder: Path) -> None:
        """Write configuration, tokenizer and weights."""
        from chajong.members.clip.small import make_small_clip

        make_small_clip(self.sentences, folder, self.settings)


@dataclass(frozen=True)
class Shipment:
    """A trained small CLIP.

    Attributes:
        checkpoint: From the pipeline `clip_training`.
        start: The folder that training started from.
    """

    checkpoint: Checkpoint
    start: Path

    def write(self, folder: Path) -> None:
        """Write configuration and tokenizer as they were, and the weights as float16.

        The checkpoint's first fold is taken, if it scores its proof photos as it did.
        """
        from chajong.members.clip.classifier import build_clip_classifier
        from chajong.members.clip.parameters import ClipParameters
        from chajong.members.clip.prompts import class_prompts
        from chajong.members.clip.small import export_small_clip
        from chajong.members.trained.checkpoint import restore_fold_models
        from chajong.members.trained.views import log_probability_views
        from chajong.names.table import class_table

        parameters = ClipParameters(**self.checkpoint.configuration["model"])
        names = self.checkpoint.configuration["class_names"]
        prompts = class_prompts(class_table({name: name for name in names}))
        models: dict[int, Any] = restore_fold_models(
            self.checkpoint,
            lambda _: build_clip_classifier(parameters, prompts),
            lambda model: log_probability_views(model, parameters),
            names,
        )
        export_small_clip(models[min(models)].towers.network, self.start, folder)


def plan_start(parameters: SmallClipPipelineParameters) -> Start:
    """Choose the sentences that the tokenizer learns from.

    They are about the challenge's names and about invented ones, none of which is in the sample.

    Args:
        parameters: The model's sizes.

    Returns:
        The plan; saving it writes the model.
    """
    from chajong.names.challenge import challenge_names
    from chajong.names.grammar import parse_name
    from chajong.names.prompts import english_prompts, korean_prompts
    from chajong.photos.rendered.sample_names import unseen_names

    names = [*challenge_names(), *unseen_names(UNSEEN_NAMES, parameters.model.seed)]
    parsed = [parse_name(name) for name in names]
    sentences = [
        sentence for name in parsed for sentence in (*korean_prompts(name), *english_prompts(name))
    ]
    return Start(tuple(sentences), parameters.model)


def plan_shipment(checkpoint: Checkpoint, start: Path) -> Shipment:
    """Take the trained weights out of their checkpoint.

    Args:
        checkpoint: The small CLIP as `clip_training` left it.
        start: The folder that training started from.

    Returns:
        The plan; saving it writes the model.
    """
    return Shipment(checkpoint, start)
