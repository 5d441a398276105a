"""A trained model as a directory: its tensors, its configuration, and proof that it loads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

WEIGHTS_FILE = "weights.safetensors"
CONFIGURATION_FILE = "configuration.json"

BASE = "base"
"""Under which a configuration says whose weights it changes, by content or commit: no settings."""

PROOF_PHOTOS = 8
"""Photos that a checkpoint keeps with their scores, to be scored again on load."""

AGREEMENT = 1e-3
"""Largest difference of a log-probability between the machine that saved and one that loads."""


class CheckpointError(ValueError):
    """A checkpoint that does not fit the classes, or gives other scores than it was saved with."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a model needs to be built again.

    Attributes:
        tensors: Weights by name.
        configuration: Everything else, as JSON values.
        files: Files that belong to the model, such as its processor's, by path in the folder.
    """

    tensors: dict[str, torch.Tensor]
    configuration: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint as safetensors and JSON into a folder, which is made."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    text = json.dumps(checkpoint.configuration, ensure_ascii=False, indent=2)
    (folder / CONFIGURATION_FILE).write_text(text, encoding="utf-8")
    for name, content in checkpoint.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint from its folder; pickled weights are never loaded."""
    from safetensors.torch import load_file

    text = (folder / CONFIGURATION_FILE).read_text(encoding="utf-8")
    own = {folder / WEIGHTS_FILE, folder / CONFIGURATION_FILE}
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in own
    }
    return Checkpoint(load_file(folder / WEIGHTS_FILE), json.loads(text), files)


def check_proof(
    scored: np.ndarray, checkpoint: Checkpoint, fold: int, agreement: float = AGREEMENT
) -> None:
    """Compare what a loaded fold model says about the proof photos with what it said when saved.

    Args:
        scored: Log-probabilities [photos, classes] of the loaded model.
        checkpoint: Keeps the saved ones as `proof.fold_<fold>`.
        fold: The fold.
        agreement: Largest difference that is taken for the same answer.

    Raises:
        CheckpointError: They differ.
    """
    saved = checkpoint.tensors[f"proof.fold_{fold}"].numpy()
    difference = float(np.abs(scored - saved).max(initial=0.0))
    if not difference <= agreement:  # so that NaN does not pass
        message = (
            f"The checkpoint's model of fold {fold} differs by {difference:.3g} from the scores "
            "that were saved with it: the files do not belong together, or one was changed. Run "
            "the pipeline that makes it again."
        )
        raise CheckpointError(message)


def check_class_names(checkpoint: Checkpoint, class_names: Sequence[str]) -> None:
    """See that a checkpoint was trained for these classes, in this order.

    Raises:
        CheckpointError: It was trained for others.
    """
    saved, wanted = checkpoint.configuration["class_names"], list(class_names)
    if saved != wanted:
        strangers = [name for name in [*saved, *wanted] if (name in saved) != (name in wanted)]
        difference = f"{strangers[0]!r} is in one only" if strangers else "their order differs"
        message = (
            f"The checkpoint knows {len(saved)} classes and this run has {len(wanted)}: "
            f"{difference}. Run the pipeline that makes the checkpoint again."
        )
        raise CheckpointError(message)
