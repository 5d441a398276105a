"""Trained fold models as a checkpoint that proves itself when it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.device import best_device
from chajong.members.checkpoint import PROOF_PHOTOS, Checkpoint, check_class_names
from chajong.members.proof import arithmetic_here, check_proof
from chajong.photos.loading import photo_batches
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from chajong.encoders.views import ViewAverage
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.resizing import Preparation
    from chajong.training.moving_average import Weights


@dataclass(frozen=True, eq=False)
class Proof:
    """Photos that show whether a loaded model is the one that was saved.

    Attributes:
        contents: sha-256 of each photo's original file.
        views: uint8 [photos, zooms, 3, height, width].
    """

    contents: tuple[str, ...]
    views: torch.Tensor


def proof_photos(tables: TrainingTables, preparation: Preparation) -> Proof:
    """Prepare the first train photos as a model sees them."""
    import torch

    chosen = tuple(tables.contents_of(tables.folds["photo_id"][:PROOF_PHOTOS]))
    (views,) = photo_batches(chosen, tables.store, preparation, PROOF_PHOTOS)
    return Proof(chosen, torch.from_numpy(views))


def trained_checkpoint(
    weights: dict[int, Weights],
    proof: Proof,
    scores: dict[int, np.ndarray],
    configuration: dict[str, Any],
) -> Checkpoint:
    """Collect what the fold models of a member need to score photos again.

    Args:
        weights: Trained weights by fold.
        proof: The proof photos.
        scores: Log-probabilities [photos, classes] of the proof photos, by fold.
        configuration: The model's parameters, what was fitted after training, and `class_names`;
            how the scores were computed, where not in float32 on the best device there is.

    Returns:
        The checkpoint.
    """
    import torch

    tensors = {"proof.views": proof.views}
    for fold, trained in weights.items():
        tensors |= {f"fold_{fold}.{name}": part for name, part in trained.items()}
        tensors[f"proof.fold_{fold}"] = torch.from_numpy(scores[fold])
    return Checkpoint(
        tensors,
        {
            **arithmetic_here().written(),
            **configuration,
            "folds": sorted(weights),
            "proof_photos": list(proof.contents),
        },
    )


def fold_weights(checkpoint: Checkpoint, fold: int) -> Weights:
    """Take the trained weights of one fold's model out of a checkpoint."""
    prefix = f"fold_{fold}."
    return {
        name.removeprefix(prefix): part
        for name, part in checkpoint.tensors.items()
        if name.startswith(prefix)
    }


def restore_fold_models(
    checkpoint: Checkpoint,
    build: Callable[[int], torch.nn.Module],
    ask: Callable[[torch.nn.Module], ViewAverage],
    class_names: Sequence[str],
    load: Callable[[torch.nn.Module, Weights], None] = load_trained_weights,
) -> dict[int, torch.nn.Module]:
    """Build the fold models of a checkpoint, and see that they score as they did.

    Args:
        checkpoint: From `trained_checkpoint`, possibly saved and loaded since.
        build: Makes a fold's model with its starting weights.
        ask: Wraps a model so that it gives log-probabilities of views.
        class_names: The effective classes of this run.
        load: Puts a fold's trained weights into a model with its starting weights.

    Returns:
        Models by fold, ready to score.

    Raises:
        CheckpointError: The checkpoint was trained for other classes, or a model does not
            reproduce the scores that were saved with it.
    """
    check_class_names(checkpoint, class_names)
    folds = checkpoint.configuration["folds"]
    return {fold: restore_fold_model(checkpoint, fold, build, ask, load) for fold in folds}


def restore_fold_model(
    checkpoint: Checkpoint,
    fold: int,
    build: Callable[[int], torch.nn.Module],
    ask: Callable[[torch.nn.Module], ViewAverage],
    load: Callable[[torch.nn.Module, Weights], None] = load_trained_weights,
) -> torch.nn.Module:
    """Build one fold's model, and see that it scores as it did; see `restore_fold_models`.

    Raises:
        CheckpointError: It does not.
    """
    model = build(fold).eval()
    if weights := fold_weights(checkpoint, fold):  # none where nothing was trained
        load(model, weights)
    model.to(best_device())
    scores = ask(model).encode_exactly(checkpoint.tensors["proof.views"])
    check_proof(scores, checkpoint, fold, arithmetic_here())
    return model
