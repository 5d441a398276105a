"""Some tensors of a large model, read without the rest of it.

A published model lies in several safetensors files and an index that says which tensor is where.
Safetensors files are mapped into memory, so only the bytes of the tensors that are asked for leave
the disk; from the hub, only the files that hold them are downloaded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from chajong.models.encoders.encoder import EncoderError
from chajong.models.encoders.weights import SHOWN, download_failed, existing_path, is_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import torch

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

SHOWN_LENGTH = 400
"""Characters of a library's message that an error repeats."""


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


def fetch_model_file(model: str, weights: str, name: str) -> Path:
    """Find a file of a model.

    Args:
        model: A hub repository.
        weights: ``hub``, or a local folder.
        name: The file's name.

    Returns:
        Its path: in the folder, or in the hub's cache after a download.

    Raises:
        EncoderError: The folder or the file does not exist, or cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    if not is_path(weights):
        try:
            return Path(hf_hub_download(model, name))
        except (EntryNotFoundError, OSError, ValueError) as error:
            raise download_failed(model, error) from error
    path = existing_path(weights, model) / name
    if not path.is_file():
        message = (
            f"{path} is missing. Give a folder with all files of {model!r} as the encoder's "
            "`weights`."
        )
        raise EncoderError(message)
    return path


def open_sharded_weights(model: str, weights: str) -> ShardedWeights:
    """Find out which tensors a model has and where they are, without reading them.

    Args:
        model: A hub repository.
        weights: ``hub``, or a local folder with an index and its files or one safetensors file.

    Raises:
        EncoderError: There are no safetensors weights, or the index cannot be read.
    """
    fetch = partial(fetch_model_file, model, weights)
    title = model if not is_path(weights) else weights
    try:
        index = fetch(INDEX)
    except EncoderError:
        # A model of one file has no index. Where that is missing too, its error says so.
        with _open(fetch(SINGLE), "cpu") as file:
            return ShardedWeights(title, dict.fromkeys(file.keys(), SINGLE), fetch)
    try:
        file_of = dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"{index} is not an index of safetensors files ({error!r}). Fetch it again."
        raise EncoderError(message) from error
    return ShardedWeights(title, file_of, fetch)


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
        EncoderError: No tensor begins with a prefix, or a file is missing or not safetensors.
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


def _open(path: Path, device: str) -> AbstractContextManager[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        opened: AbstractContextManager[Any] = safe_open(path, framework="pt", device=device)
    except SafetensorError as error:
        message = (
            f"{path} is not a safetensors file ({error}). Convert the weights to safetensors: "
            "files that can run code when they are opened are not read."
        )
        raise EncoderError(message) from error
    return opened


def _read(opened: Any, name: str, path: Path) -> torch.Tensor:
    from safetensors import SafetensorError

    try:
        tensor: torch.Tensor = opened.get_slice(name)[...]
    except SafetensorError as error:
        message = f"{path} does not hold {name}, which the index says it does. Fetch it again."
        raise EncoderError(message) from error
    return tensor
