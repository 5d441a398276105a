"""Weights from a file: read without running code, and told apart by their content."""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from chajong.encoders.encoder import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch

FILES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
"""Endings of files of weights."""

WORDS = ("hub", "random")
"""Weights that are no path: published ones, and random initialisation."""

LOCAL_MODEL = "local-dir:"
"""Begins the name of a model that timm or open_clip reads from a folder."""

BASE = "base"
"""Under which saved settings say whose weights they mean, by content or commit: no settings."""

NESTED = ("state_dict", "model")
"""Under which keys training programs keep the tensors, beside other things."""

SHOWN = 3
"""How many names an error lists before it stops."""

SHOWN_LENGTH = 400
"""Characters of a library's message that an error repeats."""


MISFITS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a library's conversion raises on weights of another model, which it does not check."""


def is_path(weights: str) -> bool:
    """Tell a file or folder from a word such as ``hub`` or a pretrained tag."""
    return "/" in weights or "\\" in weights or weights.endswith(FILES)


def check_word(weights: str) -> str:
    """See that weights are a word that is known or a path, in libraries that have no tags.

    Raises:
        ValueError: They are neither, and would otherwise be taken for random ones.
    """
    if weights in WORDS or is_path(weights):
        return weights
    message = (
        f"{weights!r} names no weights: write {' or '.join(WORDS)}, or the path of a file or "
        f"folder (with a slash, or ending in {', '.join(FILES)})"
    )
    raise ValueError(message)


def existing_path(weights: str, model: str) -> Path:
    """Find the weights' file or folder.

    Raises:
        EncoderError: There is none.
    """
    path = Path(weights).expanduser()
    if not path.exists():
        message = (
            f"The weights of {model!r} were not found: {path} does not exist. Give an existing "
            "file or folder as `weights`."
        )
        raise EncoderError(message)
    return path


def content_identity(path: Path) -> str:
    """Name weights by what they hold.

    Args:
        path: A file, or a folder of files.

    Returns:
        The sha-256 of every file, but for what is written for people and what a download keeps
        about itself.
    """
    digests = []
    for file in [path] if path.is_file() else _files_of_model(path):
        with file.open("rb") as stream:
            digests.append(file_digest(stream, "sha256").hexdigest())
    return "+".join(digests)


def _files_of_model(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix != ".md"
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a file of weights: safetensors, or what `torch.save` writes.

    The second kind is a pickle, which can run code when it is opened: it is read by torch's own
    unpickler that makes nothing but tensors and containers (``weights_only``), and its tensors are
    mapped into memory, so that those that nobody asks for are not read.

    Raises:
        EncoderError: The file is neither, or holds more than tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        return _read_torch_file(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        message = f"{path} is not a safetensors file ({error}). Fetch it again."
        raise EncoderError(message) from error


def _read_torch_file(path: Path) -> dict[str, torch.Tensor]:
    import pickle

    import torch

    try:
        # Only the zip form, which torch writes since 2020, can be mapped.
        read = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise _no_weights(str(path), error) from error
    for key in NESTED:
        if isinstance(read, dict) and isinstance(read.get(key), dict):
            read = read[key]
    parts = read.values() if isinstance(read, dict) else [read]
    if not isinstance(read, dict) or not all(isinstance(part, torch.Tensor) for part in parts):
        message = (
            f"{path} holds no tensors by name, but {type(read).__name__}. Save the model's "
            "`state_dict` as safetensors."
        )
        raise EncoderError(message)
    return read


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
        message = (
            f"{source} do not fit: {listed(problems)}. Name the model that they were saved from."
        )
        raise EncoderError(message)
    network.load_state_dict(weights)


@contextmanager
def conversion(source: str) -> Iterator[None]:
    """Say that weights do not fit where a library cannot convert them to its model.

    Args:
        source: What to call the weights and the model in the error.

    Raises:
        EncoderError: In place of the library's own error.
    """
    try:
        yield
    except MISFITS as error:
        message = (
            f"{source} do not fit: they cannot be converted ({type(error).__name__}: "
            f"{shorten(str(error), SHOWN_LENGTH)}). Name the model that they were saved from."
        )
        raise EncoderError(message) from error


def unknown_model(model: str, library: str, known: list[str]) -> EncoderError:
    """Word the error for a model name that a library does not know."""
    from difflib import get_close_matches

    close = get_close_matches(model, known, n=SHOWN, cutoff=0.5)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    message = f"{library} knows no model {model!r}.{hint} Change the encoder's `model`."
    return EncoderError(message)


def check_complete(report: Mapping[str, Any], model: str) -> None:
    """See that a model of transformers got all of its weights.

    Args:
        report: What `from_pretrained` tells of its loading.
        model: What to call the model in an error.

    Raises:
        EncoderError: A tensor is missing or of another shape; the library fills it with random
            numbers.
    """
    problems = [f"{name} is missing" for name in sorted(report["missing_keys"])]
    problems += [f"{name} is {found}, not {wanted}" for name, found, wanted in _mismatched(report)]
    if problems:
        message = (
            f"The weights of {model!r} do not fit: {listed(problems)}. Name the model that they "
            "were saved from, or fetch them again."
        )
        raise EncoderError(message)


def _mismatched(report: Mapping[str, Any]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return sorted(
        (name, tuple(found), tuple(wanted)) for name, found, wanted in report["mismatched_keys"]
    )


def listed(problems: Sequence[str]) -> str:
    """Name the first few problems, and how many more there are."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more


@contextmanager
def told_of_loading(model: str) -> Iterator[None]:
    """Say what to do where a library cannot load a model whose files are there.

    Args:
        model: What to call the model.

    Raises:
        EncoderError: In place of the library's own error.
    """
    import pickle

    import torch
    from safetensors import SafetensorError

    try:
        yield
    except (EncoderError, torch.OutOfMemoryError):
        raise  # These say themselves what is wrong.
    except (
        OSError,
        ValueError,
        RuntimeError,
        pickle.UnpicklingError,
        SafetensorError,
    ) as error:
        # timm tells torch's refusal in words of its own.
        refused = isinstance(error.__cause__ or error, pickle.UnpicklingError)
        words = _no_weights(f"A file of {model!r}", error) if refused else _failed(model, error)
        raise words from error


def _no_weights(file: str, error: Exception) -> EncoderError:
    # What torch's message advises, reading the file with all that it holds, is not done here.
    message = (
        f"{file} cannot be read as weights ({shorten(str(error), SHOWN_LENGTH)}). Only "
        "files that contain nothing but tensors are opened: convert the weights to safetensors "
        "where they were made."
    )
    return EncoderError(message)


def _failed(model: str, error: Exception) -> EncoderError:
    message = (
        f"The model {model!r} could not be loaded from its files ({type(error).__name__}: "
        f"{shorten(str(error), SHOWN_LENGTH)}). See that `library` and `model` name what the files "
        "are of, and fetch them again where they are not whole."
    )
    return EncoderError(message)
