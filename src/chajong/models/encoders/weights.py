"""Weights from a file: read as safetensors, and told apart by their content."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from chajong.models.encoders.encoder import EncoderError

if TYPE_CHECKING:
    import torch

SHOWN = 3
"""How many names an error lists before it stops."""


def is_path(weights: str) -> bool:
    """Tell a file or folder from a word such as ``hub`` or a pretrained tag."""
    return "/" in weights or "\\" in weights or weights.endswith(".safetensors")


def existing_path(weights: str, model: str) -> Path:
    """Find the weights' file or folder.

    Raises:
        EncoderError: There is none.
    """
    path = Path(weights).expanduser()
    if not path.exists():
        message = (
            f"The weights of {model!r} were not found: {path} does not exist. Give an existing "
            "safetensors file or folder as the encoder's `weights`."
        )
        raise EncoderError(message)
    return path


def weights_identity(weights: str, model: str) -> str:
    """Say which weights these are, so that features of other weights are never taken for theirs.

    Args:
        weights: ``hub``, ``random``, a pretrained tag, or a path.
        model: The model's name, for the error.

    Returns:
        The word itself, or the sha-256 of every file behind a path.

    Raises:
        EncoderError: The path does not exist.
    """
    if not is_path(weights):
        return weights
    path = existing_path(weights, model)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digests = []
    for file in files:
        if file.is_file():
            with file.open("rb") as stream:
                digests.append(file_digest(stream, "sha256").hexdigest())
    return "+".join(digests)


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Read weights; other formats can run code when they are opened and are refused.

    Raises:
        EncoderError: The file is not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        message = (
            f"{path} is not a safetensors file ({error}). Convert the weights to safetensors: "
            "files that can run code when they are opened are not read."
        )
        raise EncoderError(message) from error


def fit_weights(network: torch.nn.Module, weights: dict[str, torch.Tensor], source: str) -> None:
    """Load weights into a network, all of them and nothing else.

    Args:
        network: The network.
        weights: Tensors by name.
        source: What to call the weights and the model in an error.

    Raises:
        EncoderError: A tensor is missing, unexpected or of another shape.
    """
    expected = network.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in weights]
    problems += [f"{name} is unexpected" for name in weights if name not in expected]
    problems += [
        f"{name} is {tuple(weights[name].shape)}, not {tuple(expected[name].shape)}"
        for name in expected
        if name in weights and weights[name].shape != expected[name].shape
    ]
    if problems:
        shown = "; ".join(problems[:SHOWN])
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        message = f"{source} do not fit: {shown}{more}. Name the model that they were saved from."
        raise EncoderError(message)
    network.load_state_dict(weights)


def unknown_model(model: str, library: str, known: list[str]) -> EncoderError:
    """Word the error for a model name that a library does not know."""
    from difflib import get_close_matches

    close = get_close_matches(model, known, n=SHOWN, cutoff=0.5)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    message = f"{library} knows no model {model!r}.{hint} Change the encoder's `model`."
    return EncoderError(message)


def download_failed(model: str, error: Exception) -> EncoderError:
    """Word the error for published weights that could not be fetched."""
    message = (
        f"The published weights of {model!r} could not be loaded ({type(error).__name__}: "
        f"{error}). Without a network, give a local safetensors file or folder as the encoder's "
        "`weights`."
    )
    return EncoderError(message)
