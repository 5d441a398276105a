"""A trained model as a directory: its tensors, its configuration, and proof that it loads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import torch

WEIGHTS_FILE = "weights.safetensors"
CONFIGURATION_FILE = "configuration.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a model needs to be built again.

    Attributes:
        tensors: Weights by name.
        configuration: Everything else, as JSON values.
    """

    tensors: dict[str, torch.Tensor]
    configuration: dict[str, Any]


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint as safetensors and JSON into a folder, which is made."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    text = json.dumps(checkpoint.configuration, ensure_ascii=False, indent=2)
    (folder / CONFIGURATION_FILE).write_text(text, encoding="utf-8")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint from its folder; pickled weights are never loaded."""
    from safetensors.torch import load_file

    text = (folder / CONFIGURATION_FILE).read_text(encoding="utf-8")
    return Checkpoint(load_file(folder / WEIGHTS_FILE), json.loads(text))
