"""A trained model as a directory: its tensors, its configuration, and proof that it loads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chajong.manifest import MANIFEST, REMAKE, check_folder
from chajong.whole import whole_folder

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
    """Write a checkpoint as safetensors and JSON, in place of an earlier one, whole or not at all.

    Raises:
        FileExistsError: The folder holds something else.
    """
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    text = json.dumps(checkpoint.configuration, ensure_ascii=False, indent=2)
    with whole_folder(folder, known_by=CONFIGURATION_FILE) as unfinished:
        save_file(tensors, unfinished / WEIGHTS_FILE)
        (unfinished / CONFIGURATION_FILE).write_text(text, encoding="utf-8")
        for name, content in checkpoint.files.items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(content)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint from its folder; pickled weights are never loaded.

    Raises:
        DamagedError: It is not what was written.
    """
    from safetensors.torch import load_file

    check_folder(folder, REMAKE)
    text = (folder / CONFIGURATION_FILE).read_text(encoding="utf-8")
    own = {folder / name for name in (WEIGHTS_FILE, CONFIGURATION_FILE, MANIFEST)}
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in own
    }
    return Checkpoint(load_file(folder / WEIGHTS_FILE), json.loads(text), files)


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
