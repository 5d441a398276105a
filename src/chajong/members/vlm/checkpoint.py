"""Adapters, heads and processor as one checkpoint that proves itself when it is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chajong.encoders.weights import BASE
from chajong.members.checkpoint import Checkpoint, CheckpointError, check_class_names
from chajong.members.proof import arithmetic_here, check_proof
from chajong.members.trained.checkpoint import fold_weights, trained_checkpoint
from chajong.members.vlm.base_model import base_identity, working_precision
from chajong.members.vlm.classifier import build_vlm_classifier
from chajong.members.vlm.parameters import VlmClassifierParameters
from chajong.members.vlm.questions import Question
from chajong.members.vlm.scoring import score_views
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from chajong.members.trained.checkpoint import Proof
    from chajong.members.vlm.classifier import VlmClassifier
    from chajong.training.moving_average import Weights

PROCESSOR = "processor"
"""The processor's folder within a checkpoint."""


def vlm_checkpoint(
    weights: dict[int, Weights],
    proof: Proof,
    questions: Sequence[Question],
    scores: dict[int, np.ndarray],
    configuration: dict[str, Any],
    processor: Any,
) -> Checkpoint:
    """Collect what the fold models need to answer again.

    Args:
        weights: Trained weights by fold: adapters and head.
        proof: Photos that are asked about on load.
        questions: What is asked about them.
        scores: Log-probabilities [photos, candidates] of each fold's model.
        configuration: The model's parameters as ``model``, ``class_names``, and what else is known.
        processor: The model's processor.

    Returns:
        The checkpoint, with the identity of the model that the adapters belong to.
    """
    parameters = VlmClassifierParameters(**configuration["model"])
    kept = {
        **configuration,
        BASE: base_identity(parameters),
        **arithmetic_here(str(working_precision())).written(),
        "proof_questions": [
            {"prompt": question.prompt, "candidates": list(question.candidates)}
            for question in questions
        ],
    }
    checkpoint = trained_checkpoint(weights, proof, scores, kept)
    return replace(checkpoint, files=_processor_files(processor))


def restore_fold_models(
    checkpoint: Checkpoint, class_names: Sequence[str]
) -> Iterator[tuple[int, VlmClassifier]]:
    """Build the fold models of a checkpoint one after the other, and see that they answer alike.

    Args:
        checkpoint: From `vlm_checkpoint`, possibly saved and loaded since.
        class_names: The effective classes of this run.

    Yields:
        Fold and model, ready to answer.

    Raises:
        CheckpointError: The checkpoint was trained for other classes or for another base model, or
            a model does not reproduce the scores that were saved with it.
        EncoderError: The base model cannot be loaded.
    """
    check_class_names(checkpoint, class_names)
    check_base_model(checkpoint)
    for fold in checkpoint.configuration["folds"]:
        yield fold, restore_fold_model(checkpoint, fold)


def check_base_model(checkpoint: Checkpoint) -> None:
    """See, before any weight is read, that the base model is the one the adapters belong to.

    Raises:
        CheckpointError: It is another one.
    """
    configuration = checkpoint.configuration
    present = base_identity(VlmClassifierParameters(**configuration["model"]))
    if present != configuration[BASE]:
        different = [key for key, value in present.items() if value != configuration[BASE][key]]
        message = (
            f"The adapters belong to another base model than {present['model']!r} as it is now: "
            f"its {different[0]} differ. Put back the model that they were trained on, or run "
            "`vlm_finetune` again."
        )
        raise CheckpointError(message)


def restore_fold_model(checkpoint: Checkpoint, fold: int) -> VlmClassifier:
    """Build one fold's model, ready to answer, and see that it answers as it did.

    Raises:
        CheckpointError: It does not.
        EncoderError: The base model cannot be loaded.
    """
    from transformers import AutoProcessor

    configuration = checkpoint.configuration
    parameters = VlmClassifierParameters(**configuration["model"])
    weights = fold_weights(checkpoint, fold)
    model = build_vlm_classifier(parameters, configuration["names"], trained=bool(weights)).eval()
    with TemporaryDirectory() as folder:
        write_processor(checkpoint, Path(folder))
        model.reader.processor = AutoProcessor.from_pretrained(folder)
    if weights:
        load_trained_weights(model, weights)
    check_answers(model, checkpoint, fold)
    return model


def check_answers(model: VlmClassifier, checkpoint: Checkpoint, fold: int) -> None:
    """See that a model with the weights of a fold answers as it did when it was saved.

    Raises:
        CheckpointError: It does not.
    """
    scores = score_views(model, checkpoint.tensors["proof.views"], proof_questions(checkpoint))
    check_proof(scores, checkpoint, fold, arithmetic_here(str(working_precision())))


def proof_questions(checkpoint: Checkpoint) -> list[Question]:
    """Give what the proof photos are asked."""
    return [
        Question(asked["prompt"], tuple(asked["candidates"]))
        for asked in checkpoint.configuration["proof_questions"]
    ]


def write_processor(checkpoint: Checkpoint, folder: Path) -> None:
    """Write the processor that was saved with the adapters."""
    for name, content in checkpoint.files.items():
        path = Path(name)
        if path.parts[0] == PROCESSOR:
            (folder / path.name).write_bytes(content)


def _processor_files(processor: Any) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        return {
            f"{PROCESSOR}/{file.name}": file.read_bytes()
            for file in sorted(Path(folder).iterdir())
            if file.is_file()
        }
