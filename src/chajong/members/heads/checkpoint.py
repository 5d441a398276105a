"""Fold models as a checkpoint that proves itself when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.members.checkpoint import PROOF_PHOTOS, Checkpoint
from chajong.members.heads.fold_model import restored_fold
from chajong.members.proof import ON_THE_CPU, arithmetic_here, check_proof
from chajong.predictions.mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.encoders.features import Features
    from chajong.members.heads.fold_model import FoldModel
    from chajong.members.heads.search import HeadSearch


def heads_checkpoint(
    search: HeadSearch, features: Features, class_names: Sequence[str], made_by: dict[str, Any]
) -> Checkpoint:
    """Collect what the fold models of a member need to score photos again.

    Args:
        search: The chosen heads.
        features: Features of every photo; a few are kept as proof.
        class_names: The effective classes, in the order of the scores.
        made_by: How the features are made, as JSON values: `encoder`, an encoder's parameters,
            where they are one encoder's; `name_model` and `title`.

    Returns:
        The checkpoint.
    """
    import torch

    proof = torch.from_numpy(features.matrix[:PROOF_PHOTOS].astype(np.float32))
    tensors = {"proof.features": proof}
    for fold, model in enumerate(search.fold_models):
        tensors |= {f"fold_{fold}.{name}": part for name, part in model.tensors().items()}
        tensors[f"proof.fold_{fold}"] = torch.from_numpy(model.log_probabilities(proof))
    first = search.fold_models[0]
    configuration = {
        "head": search.head,
        "pool": dict(zip(first.heads, first.mixture.weights, strict=True)),
        "folds": len(search.fold_models),
        "signed_square_root": first.signed_square_root,
        "l2": first.l2,
        "encoder": features.encoder,
        "made_by": made_by,
        "precision": str(features.matrix.dtype),
        "encoded_on": arithmetic_here().device,
        **ON_THE_CPU.written(),
        "class_names": list(class_names),
        "proof_photos": list(features.photo_ids[:PROOF_PHOTOS]),
    }
    return Checkpoint(tensors, configuration)


def fold_models(checkpoint: Checkpoint) -> tuple[FoldModel, ...]:
    """Build the fold models of a checkpoint, and see that they score as they did.

    Args:
        checkpoint: From `heads_checkpoint`, possibly saved and loaded since.

    Returns:
        One model a fold.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
    """
    configuration = checkpoint.configuration
    pool = configuration["pool"]
    models = []
    for fold in range(configuration["folds"]):
        prefix = f"fold_{fold}."
        parts = {
            name.removeprefix(prefix): tensor
            for name, tensor in checkpoint.tensors.items()
            if name.startswith(prefix)
        }
        model = restored_fold(
            parts,
            Mixture(tuple(pool.values())),
            pool,
            signed_square_root=configuration["signed_square_root"],
            l2=configuration["l2"],
        )
        _check(model, checkpoint, fold)
        models.append(model)
    return tuple(models)


def _check(model: FoldModel, checkpoint: Checkpoint, fold: int) -> None:
    scored = model.log_probabilities(checkpoint.tensors["proof.features"])
    check_proof(scored, checkpoint, fold, ON_THE_CPU)
