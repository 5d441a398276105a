"""A trained model as a directory: its tensors, its configuration, and proof that it loads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chajong.inside import refuse_links
from chajong.manifest import MANIFEST, REMAKE, check_folder
from chajong.slip import SlipError
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

WEIGHTS_FILE = "weights.safetensors"
"""Every tensor that belongs to no fold's model, and in earlier versions those too."""

FOLD_FILE = re.compile(r"(fold_\d+)\.safetensors")
"""A fold's model, under the names that its own tensors have: the same file as its training left."""

CONFIGURATION_FILE = "configuration.json"

PROOF_PHOTOS = 8
"""Photos that a checkpoint keeps with their scores, to be scored again on load."""


class CheckpointError(SlipError, ValueError):
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

    text = json.dumps(checkpoint.configuration, ensure_ascii=False, indent=2)
    with whole_folder(folder, known_by=CONFIGURATION_FILE) as unfinished:
        for name, tensors in _by_file(checkpoint.tensors).items():
            save_file(tensors, unfinished / name)
        (unfinished / CONFIGURATION_FILE).write_text(text, encoding="utf-8")
        for name, content in checkpoint.files.items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(content)


def _by_file(tensors: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Part ``fold_<number>.<name>`` from all others."""
    files: dict[str, dict[str, torch.Tensor]] = {WEIGHTS_FILE: {}}
    for name, tensor in tensors.items():
        fold, _, rest = name.partition(".")
        is_fold = FOLD_FILE.fullmatch(f"{fold}.safetensors")
        file, kept = (f"{fold}.safetensors", rest) if is_fold else (WEIGHTS_FILE, name)
        files.setdefault(file, {})[kept] = tensor.contiguous().cpu()
    return files


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint from its folder; pickled weights are never loaded.

    Raises:
        DamagedError: It is not what was written.
        OutsideError: Something in it is a link.
    """
    from safetensors.torch import load_file

    refuse_links(folder)
    check_folder(folder, REMAKE)
    text = (folder / CONFIGURATION_FILE).read_text(encoding="utf-8")
    tensors = load_file(folder / WEIGHTS_FILE)
    own = {folder / name for name in (WEIGHTS_FILE, CONFIGURATION_FILE, MANIFEST)}
    for path in folder.iterdir():
        if found := FOLD_FILE.fullmatch(path.name):
            own.add(path)
            tensors |= {f"{found[1]}.{name}": part for name, part in load_file(path).items()}
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in own
    }
    return Checkpoint(tensors, json.loads(text), files)


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
