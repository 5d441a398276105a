"""Nodes of inference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chajong.engine import Engine
from chajong.pipelines.inference.parameters import InferenceParameters

if TYPE_CHECKING:
    import pandas as pd

    from chajong.inference.answers import Answers
    from chajong.inference.classifier import CarClassifier
    from chajong.photos.sources import PhotoSource


def answer_new_photos(
    sources: list[PhotoSource],
    ensemble: CarClassifier | None,
    class_prior: pd.DataFrame | None,
    parameters: InferenceParameters,
    engine: Engine,
) -> Answers:
    """Name the cars in new photos.

    Args:
        sources: The photos.
        ensemble: The saved ensemble, None where there is none.
        class_prior: `class_name` and `frequency` of the classes where the photos come from, None
            where they are as frequent as in training.
        parameters: Who answers, and whether vehicles are pooled.
        engine: Where they are answered.

    Returns:
        One row a photo or vehicle.

    Raises:
        SavedEnsembleError: There is no saved ensemble, or it has no such member.
        PriorError: The prior names no class, or holds no frequencies.
    """
    from chajong.inference.answers import prior_from_table
    from chajong.inference.saved import SavedEnsembleError

    if ensemble is None:
        message = (
            "There is no saved ensemble in 06_models/ensemble: make one with `kedro run`, or give "
            "the data_dir of the run that has one."
        )
        raise SavedEnsembleError(message)
    classifier = ensemble.only(parameters.member) if parameters.member else ensemble
    answers = classifier.answer(sources, progress=True, engine=engine)
    if class_prior is not None:
        prior = prior_from_table(class_prior, classifier.class_names)
        answers = answers.with_prior(classifier.ensemble.prior, prior)
    return answers.by_vehicle() if parameters.pool_vehicles else answers


def lay_out_answers(
    answers: Answers, parameters: InferenceParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay out the answers as tables.

    Args:
        answers: From `answer_new_photos`.
        parameters: How many names.

    Returns:
        The most probable names of each photo, and one column of probabilities a class.
    """
    return answers.top(parameters.top_k), answers.wide()


def summarise_answers(answers: Answers, parameters: InferenceParameters) -> str:
    """Say what was answered, how surely, where it is, and which photos could not be read.

    Args:
        answers: From `answer_new_photos`.
        parameters: Where the results are, and the reader's language.
    """
    from chajong.inference.summary import answers_summary

    return answers_summary(answers, Path(parameters.results_dir), parameters.language)
