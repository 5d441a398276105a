"""The member of a vision-language model: trained with hints, asked where it may help, merged."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.encoders.published import at_commit, pinned
from chajong.engine import HERE
from chajong.members.checkpoint import PROOF_PHOTOS
from chajong.members.trained.checkpoint import proof_photos
from chajong.members.trained.member import (
    Scored,
    calibrated_predictions,
    join_scored,
    over_folds,
    train_member,
    trained_metrics,
)
from chajong.members.vlm.asking import ask_about_all, ask_where_unsure
from chajong.members.vlm.base_model import base_identity, check_base, load_processor
from chajong.members.vlm.candidate_merge import CandidateEvidence
from chajong.members.vlm.checkpoint import vlm_checkpoint
from chajong.members.vlm.classifier import build_vlm_classifier
from chajong.members.vlm.merging import Answers, merge_predictions
from chajong.members.vlm.questions import QuestionWriter, TrainingQuestions
from chajong.members.vlm.scoring import score_photos, score_views
from chajong.photos.resizing import Preparation
from chajong.predictions.measurement import measure
from chajong.training.fold_training import chosen_folds
from chajong.training.folds import training_rows
from chajong.training.memory import release_memory
from chajong.training.moving_average import load_trained_weights
from chajong.training.parameters import TrainingParameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from chajong.engine import Engine
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kinds.vlm import VlmMemberParameters
    from chajong.members.trained.tables import TrainingTables
    from chajong.members.vlm.classifier import VlmClassifier
    from chajong.members.vlm.hints import Hints
    from chajong.members.vlm.parameters import VlmClassifierParameters
    from chajong.members.vlm.questions import Question
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights

logger = logging.getLogger(__name__)

NO_FOLD = -2
"""A fold that is scored by nobody: what remains is all that any fold trains on."""

NOT_IN_KEY = {
    "weights",
    "revision",
    "orders",
    "prior_correction",
    "ask_below",
    "prediction_batch_size",
}
"""Settings of prediction, which training does not depend on; weights go in by content."""


def untrained_folds(tables: TrainingTables) -> tuple[dict[int, Weights], dict[str, Any]]:
    """Give the weights of folds whose model is asked as it is: none, at no cost."""
    folds = chosen_folds(tables.folds, TrainingParameters())
    report = {"key": "not trained", "seconds": 0.0, "peak_memory_mb": 0.0}
    return {fold: {} for fold in folds}, report


def train_folds(
    member: str,
    parameters: VlmMemberParameters,
    hints: Hints | None,
    tables: TrainingTables,
    scratch: Path,
    engine: Engine = HERE,
) -> tuple[dict[int, Weights], pd.DataFrame, dict[str, Any]]:
    """Train every fold's adapters, with hints that are out of fold.

    Args:
        member: The member's name.
        parameters: Which model, what it is asked, and how it is trained.
        hints: Another member's predictions.
        tables: The photos.
        scratch: Where interrupted and finished trainings are kept.
        engine: Where they are trained.

    Returns:
        Weights by fold, the history of the loss, and what the training cost.

    Raises:
        TrainingError: The training cannot start or go on.
    """
    assert parameters.training is not None  # which has no such step
    writer = QuestionWriter(parameters.model, parameters.hints, tables.class_names)
    predicted = hints.of_train_photos() if hints else None
    build = partial(build_vlm_classifier, at_commit(parameters.model), writer.names, trained=True)
    return train_member(
        lambda fold: build,
        model_identity(parameters, hints),
        parameters.training,
        tables,
        scratch,
        member,
        TrainingQuestions(writer, predicted),
        engine,
    )


def model_identity(parameters: VlmMemberParameters, hints: Hints | None) -> dict[str, Any]:
    """Say which model starts from which weights and sees which hints, as JSON values."""
    digest = sha256()
    for photo_id, predicted in sorted(hints.of_train_photos().items() if hints else ()):
        digest.update(photo_id.encode())
        digest.update(predicted.tobytes())
    return {
        **parameters.model.model_dump(mode="json", exclude=NOT_IN_KEY),
        **base_identity(parameters.model),
        "hints": parameters.hints.model_dump(mode="json", exclude={"member", "table"}),
        "hints_digest": digest.hexdigest(),
    }


def example_questions(
    parameters: VlmMemberParameters, hints: Hints | None, tables: TrainingTables, count: int
) -> pd.DataFrame:
    """Word the questions about a few train photos as training sees them, for people to read.

    Returns:
        One row a photo: `photo_id`, `prompt`, `answer` and `candidates`.
    """
    writer = QuestionWriter(parameters.model, parameters.hints, tables.class_names)
    questions = TrainingQuestions(writer, hints.of_train_photos() if hints else None)
    generator = np.random.default_rng(parameters.model.seed)
    seen = tables.folds.loc[training_rows(tables.folds, NO_FOLD), "photo_id"]
    photo_ids = seen.iloc[np.sort(generator.permutation(len(seen))[:count])]
    rows = []
    for photo_id, label in zip(photo_ids, tables.labels_of(photo_ids).tolist(), strict=True):
        question = questions(photo_id, label, generator)
        candidates = ", ".join(writer.names[name] for name in question.candidates)
        rows.append((photo_id, question.prompt, writer.names[label], candidates))
    return pd.DataFrame(rows, columns=["photo_id", "prompt", "answer", "candidates"])


def predict_folds(
    member: str,
    weights: dict[int, Weights],
    training: dict[str, Any],
    hints: Hints | None,
    parameters: VlmMemberParameters,
    tables: TrainingTables,
    engine: Engine = HERE,
) -> tuple[Predictions, Checkpoint, dict[str, Any]]:
    """Let every fold's model answer questions about the photos that it did not train on.

    Args:
        member: The member's name.
        weights: Trained weights by fold, none in them where nothing was trained.
        training: What the training cost and was kept under.
        hints: Another member's predictions; the answers are merged with them.
        parameters: Which photos are asked about, and what is asked.
        tables: The photos.
        engine: Where they answer.

    Returns:
        The predictions, the adapters as a checkpoint, and the metrics.
    """
    settings = parameters.model
    writer = QuestionWriter(settings, parameters.hints, tables.class_names)
    proof = proof_photos(tables, Preparation(*check_base(settings)))
    asked = _proof_questions(writer, hints, tables)
    make = partial(FoldAsker, member, settings, writer, hints, tables, (proof.views, asked))
    shares = {fold: (fold, trained) for fold, trained in weights.items()}
    with measure() as measurement:
        told = over_folds(engine, make, shares, tables, f"{member}, asking")
        parts = [answers for answers, _ in told.values()]
        scored, predictions, fitted = _combine(parts, tables)
    metrics = trained_metrics(scored, predictions, tables, training, measurement)
    configuration = {
        "model": pinned(settings),
        "names": list(writer.names),
        "training": training["key"],
        "fitted": fitted,
        "hints": parameters.hints.model_dump(mode="json"),
        "contract": tables.training_contract,
        "class_names": list(tables.class_names),
    }
    processor = load_processor(settings)
    proofs = {fold: scores for fold, (_, scores) in told.items()}
    checkpoint = vlm_checkpoint(weights, proof, asked, proofs, configuration, processor)
    if hints is None:
        return predictions, checkpoint, {**metrics, **fitted}
    logger.info(
        "%s was asked about %.0f %% of the photos and gains %.4f nats a photo over %s (95 %% "
        "interval %.4f to %.4f).",
        member,
        100 * fitted["asked_share"],
        fitted["gain"],
        hints.member,
        fitted["gain_low"],
        fitted["gain_high"],
    )
    metrics["photos_per_second"] *= fitted["asked_share"]
    return predictions, checkpoint, {**metrics, "hinting_member": hints.member, **fitted}


@dataclass(eq=False)
class FoldAsker:
    """Asks a fold's model about the photos that it did not train on, in whatever process.

    Attributes:
        member: The member's name.
        settings: Which model.
        writer: Words the questions.
        hints: Another member's predictions.
        tables: The photos.
        proof: The views of the proof photos, and what is asked about them.
    """

    member: str
    settings: VlmClassifierParameters
    writer: QuestionWriter
    hints: Hints | None
    tables: TrainingTables
    proof: tuple[torch.Tensor, list[Question]]
    _model: VlmClassifier | None = None

    def __call__(self, share: tuple[int, Weights]) -> tuple[Answers | Scored, np.ndarray]:
        """Give the fold's answers, and the scores of the proof photos."""
        fold, weights = share
        if weights:
            self._model = None  # let go before the next one is loaded
            release_memory()
        if self._model is None:
            self._model = _trained_model(self.settings, self.writer.names, weights)
        answers = _ask_fold(self.member, self._model, fold, self.writer, self.hints, self.tables)
        return answers, score_views(self._model, *self.proof)


def _trained_model(
    parameters: VlmClassifierParameters, names: tuple[str, ...], weights: Weights
) -> VlmClassifier:
    model = build_vlm_classifier(parameters, names, trained=bool(weights)).eval()
    if weights:
        load_trained_weights(model, weights)
    return model


def _ask_fold(
    member: str,
    model: VlmClassifier,
    fold: int,
    writer: QuestionWriter,
    hints: Hints | None,
    tables: TrainingTables,
) -> Answers | Scored:
    def score(asked: Sequence[str], questions: Sequence[Question]) -> np.ndarray:
        return score_photos(model, asked, questions, tables.store, f"{member}, asking fold {fold}")

    rows = tables.rows_of_fold(fold)
    contents = tables.contents_of(rows["photo_id"])
    if hints is None:
        return Scored(rows, (ask_about_all(writer, contents, score),))
    return ask_where_unsure(writer, contents, rows, hints.of_rows(rows), score)


def _proof_questions(
    writer: QuestionWriter, hints: Hints | None, tables: TrainingTables
) -> list[Question]:
    photo_ids = tables.folds["photo_id"][:PROOF_PHOTOS]
    predicted = hints.of_photos(photo_ids) if hints else [None] * len(photo_ids)
    return [
        writer.in_prediction(photo_id, values)
        for photo_id, values in zip(photo_ids, predicted, strict=True)
    ]


def _combine(
    parts: list[Answers | Scored], tables: TrainingTables
) -> tuple[Scored, Predictions, dict[str, Any]]:
    """Merge answers with the hinting member, or calibrate answers about every name.

    Returns:
        What the answers say by themselves, the predictions, and what was fitted.
    """
    answers = [part for part in parts if isinstance(part, Answers)]
    if not answers:
        scored = join_scored([part for part in parts if isinstance(part, Scored)])
        predictions, mixture = calibrated_predictions(scored, tables)
        return scored, predictions, {"answer_temperature": mixture.temperature}
    joined = _join_answers(answers)
    predictions, _, report = merge_predictions(joined, tables)
    return joined.by_themselves(), predictions, report


def _join_answers(parts: list[Answers]) -> Answers:
    evidence = [part.evidence for part in parts]
    return Answers(
        pd.concat([part.rows for part in parts], ignore_index=True),
        CandidateEvidence(
            np.concatenate([each.log_probabilities for each in evidence]),
            np.concatenate([each.candidates for each in evidence]),
            np.concatenate([each.scores for each in evidence]),
        ),
        np.concatenate([part.asked for part in parts]),
    )
