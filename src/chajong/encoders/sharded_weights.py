"""Some tensors of a large model, read without the rest of it.

A published model lies in several files and an index that says which tensor is where. The files are
mapped into memory, so only the bytes of the tensors that are asked for leave the disk; from the
hub, only the files that hold them are downloaded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import INDEX
from chajong.encoders.weights import SHOWN, SHOWN_LENGTH, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Self

    import torch

    from chajong.encoders.hub import ModelFiles


@dataclass(frozen=True)
class ShardedWeights:
    """Where the tensors of a model are.

    Attributes:
        title: The folder or repository, for errors.
        file_of: File name of each tensor.
        fetch: Gives the path of a file by its name, downloading it where it is on the hub.
    """

    title: str
    file_of: dict[str, str]
    fetch: Callable[[str], Path]


@dataclass(frozen=True)
class ReadTensors:
    """Tensors that were read.

    Attributes:
        tensors: By name, without the prefix that they were asked for by.
        files: Names of the files that were opened.
        bytes_read: Their size in the files.
    """

    tensors: dict[str, torch.Tensor]
    files: tuple[str, ...]
    bytes_read: int


def open_sharded_weights(files: ModelFiles) -> ShardedWeights:
    """Find out which tensors a model has and where they are, without reading them.

    Args:
        files: The model's, with weights in one file or in shards, as safetensors or as torch
            writes them.

    Raises:
        EncoderError: There are no weights, or the index cannot be read.
    """
    name = files.weights()
    if name.endswith(INDEX):
        return ShardedWeights(files.title, files.shards(name), files.fetch)
    with _open(files.fetch(name), "cpu") as file:
        return ShardedWeights(files.title, dict.fromkeys(file.keys(), name), files.fetch)


def read_tensors(
    weights: ShardedWeights,
    prefixes: Sequence[str],
    dtype: torch.dtype,
    device: torch.device,
) -> ReadTensors:
    """Read the tensors of one part of a model.

    Args:
        weights: Where its tensors are.
        prefixes: What the part may be called, since versions of a library name it differently; the
            first that any tensor begins with counts.
        dtype: Type that the tensors are converted to.
        device: Where they are put.

    Returns:
        The tensors, their names without the prefix.

    Raises:
        EncoderError: No tensor begins with a prefix, or a file is missing or cannot be read.
    """
    prefix = _known_prefix(weights, prefixes)
    names = defaultdict(list)
    for name, file in weights.file_of.items():
        if name.startswith(prefix):
            names[file].append(name)
    tensors, size = {}, 0
    for file, wanted in names.items():
        path = weights.fetch(file)
        with _open(path, str(device)) as opened:
            for name in wanted:
                tensor = _read(opened, name, path)
                size += tensor.nbytes
                tensors[name.removeprefix(prefix)] = tensor.to(dtype)
    return ReadTensors(tensors, tuple(names), size)


def assign_weights(network: torch.nn.Module, read: ReadTensors, model: str) -> None:
    """Make tensors the weights of a network that has none yet; they are not copied.

    Args:
        network: The network, on the meta device.
        read: Its tensors, all of them and nothing else.
        model: The model's name, for the error.

    Raises:
        EncoderError: A tensor is missing, unexpected or of another shape.
    """
    try:
        network.load_state_dict(read.tensors, assign=True)
    except RuntimeError as error:
        message = (
            f"The weights of {model!r} do not fit its configuration: "
            f"{shorten(str(error), SHOWN_LENGTH)} Fetch both again from one place."
        )
        raise EncoderError(message) from error


def _known_prefix(weights: ShardedWeights, prefixes: Sequence[str]) -> str:
    for prefix in prefixes:
        if any(name.startswith(prefix) for name in weights.file_of):
            return prefix
    there = sorted({".".join(name.split(".")[:2]) for name in weights.file_of})[:SHOWN]
    message = (
        f"{weights.title} has no tensor whose name begins with {' or '.join(prefixes)}; its names "
        f"begin with {', '.join(there)}. Name a model of the kind that the encoder is made for."
    )
    raise EncoderError(message)


class _TorchFile:
    """A file that torch wrote, as `safetensors.safe_open` shows one of its own."""

    def __init__(self, path: Path, device: str) -> None:
        self._tensors = read_weights(path)
        self._device = device

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tensors = {}

    def keys(self) -> list[str]:
        """Name the tensors."""
        return list(self._tensors)

    def get_tensor(self, name: str) -> torch.Tensor:
        """Read one tensor; the file is mapped, and the others stay on the disk."""
        return self._tensors[name].to(self._device)


def _open(path: Path, device: str) -> AbstractContextManager[Any]:
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return _TorchFile(path, device)
    try:
        opened: AbstractContextManager[Any] = safe_open(path, framework="pt", device=device)
    except SafetensorError as error:
        message = f"{path} is not a safetensors file ({error}). Fetch it again."
        raise EncoderError(message) from error
    return opened


def _read(opened: Any, name: str, path: Path) -> torch.Tensor:
    from safetensors import SafetensorError

    try:
        tensor: torch.Tensor = opened.get_tensor(name)
    except (SafetensorError, KeyError) as error:
        message = f"{path} does not hold {name}, which the index says it does. Fetch it again."
        raise EncoderError(message) from error
    return tensor
