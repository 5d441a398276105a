"""What a vision-language model costs, measured on a few photos."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from chajong.device import best_device
from chajong.encoders.published import at_commit
from chajong.members.cost import seconds_a_training_photo, speeds_of_passes, training_trial
from chajong.members.vlm.classifier import build_vlm_classifier
from chajong.members.vlm.questions import QuestionWriter, TrainingQuestions
from chajong.members.vlm.scoring import score_photos
from chajong.predictions.measurement import measure

if TYPE_CHECKING:
    from chajong.members.cost import Sample, Speeds
    from chajong.members.kinds.vlm import VlmMemberParameters


def trial_speeds(parameters: VlmMemberParameters, sample: Sample) -> Speeds:
    """Train for a few steps and ask about a few photos, with hints that say nothing.

    Args:
        parameters: The member.
        sample: The photos.

    Returns:
        Seconds of `learning` from a photo, of `starting`, and of `looking` at a photo, its prompt
        included.
    """
    tables, settings = sample.tables, at_commit(parameters.model)
    writer = QuestionWriter(settings, parameters.hints, tables.class_names)
    photos = tables.train_photos()
    nothing = np.full(len(tables.class_names), -np.log(len(tables.class_names)), np.float32)
    hints = dict.fromkeys(photos.photo_ids, nothing) if parameters.hints.given else None
    trained = parameters.training is not None
    build = partial(build_vlm_classifier, settings, writer.names, trained=trained)
    speeds: Speeds = {}
    if parameters.training is not None:
        asked = replace(photos, questions=TrainingQuestions(writer, hints))
        job = training_trial(build, asked, parameters.training)
        speeds["learning"] = seconds_a_training_photo(job, sample.scratch)
    model = build().eval().to(best_device())
    questions = [
        writer.in_prediction(content, nothing if hints else None) for content in photos.contents
    ]
    seconds = []
    for _ in range(2):
        with measure() as measurement:
            score_photos(model, photos.contents, questions, tables.store, "trial")
        seconds.append(measurement.seconds)
    return {**speeds, **speeds_of_passes(seconds, len(questions))}
