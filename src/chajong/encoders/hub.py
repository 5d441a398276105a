"""Published models: the files of one commit of a hub repository, or of a local folder.

A library that is given a hub repository by name takes what its main branch holds at that moment,
may ask a service to convert it, and does not say which commit it took. Here a revision becomes a
commit first, its files are fetched into the hub's own cache, and every library loads from a folder.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from chajong.encoders.encoder import EncoderError
from chajong.inside import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DESCRIPTIONS = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
"""Configurations, tokenizers, processors and indexes of sharded weights."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What transformers, timm and SentenceTransformer keep weights in, the first first."""

OPEN_CLIP_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)

INDEX = ".index.json"
"""Ends the name of the file that says which shard holds which tensor."""

ENDINGS_OF_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx")

SHOWN_LENGTH = 200
"""Characters of the hub's message that an error repeats."""

SHOWN_FILES = 6
"""How many of a repository's files an error lists."""


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model, whether they are here already or are fetched.

    Attributes:
        title: The repository and its commit, or the folder, for errors.
        names: What there is, by path within the repository or folder.
        fetch: Gives the path of one file, downloading it where it is on the hub.
        fetch_all: Gives a folder with the descriptions and the files named.
    """

    title: str
    names: tuple[str, ...]
    fetch: Callable[[str], Path]
    fetch_all: Callable[[Sequence[str]], Path]

    def weights(self, candidates: Sequence[str] = WEIGHTS) -> str:
        """Name the file that holds the weights, or the index of its shards.

        Args:
            candidates: What it may be called, the best first.

        Raises:
            EncoderError: There is none; the message says what there is.
        """
        for name in candidates:
            for form in (name, name + INDEX):
                if form in self.names:
                    return form
        message = (
            f"{self.title} holds no weights under a name that is read here "
            f"({', '.join(candidates)}, whole or in shards); it holds {self._shown()}. Name a "
            "revision that has them, or convert them and give the folder as `weights`."
        )
        raise EncoderError(message)

    def folder(self, candidates: Sequence[str] = WEIGHTS) -> Path:
        """Give a folder with the descriptions and one form of the weights.

        Args:
            candidates: What the weights may be called; none for a folder without them.

        Raises:
            EncoderError: There are no weights, or a file cannot be fetched.
        """
        return self.fetch_all(self.weight_files(candidates) if candidates else ())

    def weight_files(self, candidates: Sequence[str] = WEIGHTS) -> tuple[str, ...]:
        """Name the file of the weights, or the index and the shards.

        Args:
            candidates: What the weights may be called.

        Raises:
            EncoderError: There are no weights, or the index cannot be read.
            OutsideError: A shard would lie outside of the folder.
        """
        name = self.weights(candidates)
        if not name.endswith(INDEX):
            return (name,)
        place = name[: name.rfind("/") + 1]
        return (name, *sorted({place + shard for shard in self.shards(name).values()}))

    def shards(self, index: str) -> dict[str, str]:
        """Read which shard holds which tensor.

        Args:
            index: The name of the index.

        Raises:
            EncoderError: It cannot be read as one.
            OutsideError: A shard would lie outside of the folder.
        """
        path = self.fetch(index)
        try:
            shards = dict(json.loads(path.read_text(encoding="utf-8"))["weight_map"])
        except (ValueError, KeyError, TypeError) as error:
            message = f"{path} is no index of weights in shards ({error!r}). Fetch it again."
            raise EncoderError(message) from error
        for shard in shards.values():
            inside(path.parent, str(shard))
        return shards

    def _shown(self) -> str:
        held = [name for name in self.names if name.endswith(ENDINGS_OF_WEIGHTS)] or self.names
        more = len(held) - SHOWN_FILES
        shown = ", ".join(held[:SHOWN_FILES]) or "nothing"
        return f"{shown} and {more} more" if more > 0 else shown


def local_files(folder: Path) -> ModelFiles:
    """List the files of a model in a folder."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )

    def fetch(name: str) -> Path:
        path = inside(folder, name)
        if not path.is_file():
            message = f"{path} is missing. Keep all files of a model in one folder."
            raise EncoderError(message)
        return path

    def fetch_all(names: Sequence[str]) -> Path:
        for name in names:
            fetch(name)
        return folder

    return ModelFiles(str(folder), tuple(names), fetch, fetch_all)


def hub_files(repository: str, revision: str, setting: str | None = "weights") -> ModelFiles:
    """List the files of a repository at a revision, and fetch its descriptions.

    Args:
        repository: ``owner/name``.
        revision: A commit, a branch or a tag.
        setting: Which setting may name a local folder in its place; None where none may.

    Raises:
        EncoderError: The repository or revision does not exist, or cannot be reached and is not in
            the cache.
    """
    commit = resolve_commit(repository, revision, setting)
    told_of_failure = partial(_told_of_failure, repository, revision, setting)

    def fetch(name: str) -> Path:
        from huggingface_hub import hf_hub_download

        with told_of_failure():
            return Path(hf_hub_download(repository, name, revision=commit))

    def fetch_all(names: Sequence[str]) -> Path:
        from huggingface_hub import snapshot_download

        with told_of_failure():
            wanted = [*DESCRIPTIONS, *names]
            folder = Path(snapshot_download(repository, revision=commit, allow_patterns=wanted))
            for name in names:
                # Offline, the hub's library takes a folder that lacks files for a whole one.
                if not (folder / name).is_file():
                    raise FileNotFoundError(f"{name} is missing in the cache")
        return folder

    names = _names_at(repository, commit, fetch_all(()))
    return ModelFiles(f"{repository} at {commit}", names, fetch, fetch_all)


def check_within_reach(repository: str, revision: str, candidates: Sequence[str]) -> None:
    """See that a repository's weights are in the cache or could be fetched now.

    Args:
        repository: ``owner/name``.
        revision: A commit, a branch or a tag.
        candidates: What the weights may be called, the best first.

    Raises:
        EncoderError: The weights are neither in the cache nor within reach.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    names = hub_files(repository, revision).weight_files(candidates)
    commit = resolve_commit(repository, revision)
    with _told_of_failure(repository, revision, "weights"):
        for name in names:
            if not isinstance(try_to_load_from_cache(repository, name, revision=commit), str):
                get_hf_file_metadata(hf_hub_url(repository, name, revision=commit))


def _names_at(repository: str, commit: str, folder: Path) -> tuple[str, ...]:
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        return tuple(file.path for file in get_cached_repo_tree(repository, revision=commit))
    except CachedRepoTreeNotFoundError:
        # Without a network, what is in the cache is all there is.
        return local_files(folder).names


def resolve_commit(repository: str, revision: str, setting: str | None = "weights") -> str:
    """Say which commit a revision means: the same one for as long as the program runs.

    Args:
        repository: ``owner/name``.
        revision: A commit, which is taken as it is, or a branch or tag, which the hub is asked for;
            where it cannot be reached, what the cache knows.
        setting: As for `hub_files`.

    Returns:
        40 hexadecimal digits.

    Raises:
        EncoderError: The repository or revision does not exist, or the hub cannot be reached and
            the cache does not know it.
    """
    with _told_of_failure(repository, revision, setting):
        return commit_of(repository, revision)


@lru_cache
def commit_of(repository: str, revision: str) -> str:
    """Say which commit a revision means, with the hub's own errors; see `resolve_commit`."""
    from huggingface_hub import resolve_revision

    return str(resolve_revision(repository, revision=revision).resolved)


@contextmanager
def _told_of_failure(repository: str, revision: str, setting: str | None) -> Iterator[None]:
    from huggingface_hub.errors import (
        HfHubHTTPError,
        RevisionNotFoundError,
        RevisionResolutionError,
        XetDownloadError,
    )

    # Every error of the hub's network library has this ancestor, whichever library that is.
    network_error: type[Exception] = HfHubHTTPError.__bases__[0]
    # The library that moves large files tells of a broken transfer by errors of its own kinds.
    of_transfer = (XetDownloadError, RuntimeError)
    try:
        yield
    except RevisionNotFoundError as error:
        message = (
            f"{repository!r} has no revision {revision!r}. A commit belongs to one repository: set "
            "`revision` where you set `model`, to a commit of that model or to `main`."
        )
        raise EncoderError(message) from error
    except (OSError, ValueError, RevisionResolutionError, network_error, *of_transfer) as error:
        # Where the network is down, the first error says so and the last one only what follows.
        told = shorten(str(error.__cause__ or error), SHOWN_LENGTH)
        raise _unreachable(repository, revision, setting, told) from error


def _unreachable(repository: str, revision: str, setting: str | None, reason: str) -> EncoderError:
    from huggingface_hub import constants

    download = f"hf download {repository} --revision {revision}"
    by_hand = (
        f"fetch it elsewhere by `{download} --local-dir FOLDER` and give FOLDER as `{setting}`"
        if setting
        else f"fetch it elsewhere by `{download}` and copy it into that cache"
    )
    message = (
        f"The published model {repository!r} at revision {revision!r} could not be fetched, and "
        f"the cache {constants.HF_HUB_CACHE} does not hold it ({reason}). Run once with a network "
        f"(after `hf auth login` where the model asks for it), or {by_hand}."
    )
    return EncoderError(message)
