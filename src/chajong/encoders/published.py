"""Where a library's published weights are, and which ones a member starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from chajong.encoders.hub import (
    OPEN_CLIP_WEIGHTS,
    WEIGHTS,
    check_within_reach,
    hub_files,
    local_files,
    resolve_commit,
)
from chajong.encoders.weights import LOCAL_MODEL, content_identity, existing_path, is_path
from chajong.inside import inside
from chajong.names.embedding import CHARACTERS

if TYPE_CHECKING:
    from typing import Self

    from chajong.encoders.hub import ModelFiles

LAYERS = "modules.json"
"""The file that lists a SentenceTransformer's layers and their folders."""

NAME_SETTING = "name_model"

ON_THE_HUB = ("hf-hub:", "hf_hub:")
"""Begins a model's name that is a repository, in timm's and open_clip's words."""


@runtime_checkable
class FromWeights(Protocol):
    """Settings that name a model and its weights: a parameters model."""

    @property
    def library(self) -> str:
        """The library that builds the model."""

    @property
    def model(self) -> str:
        """The model's name in that library."""

    @property
    def weights(self) -> str:
        """``hub``, ``random``, a tag, or a path."""

    @property
    def revision(self) -> str:
        """A commit, branch or tag of the hub repository."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Give the settings as JSON values."""

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """Give the settings with some of them changed."""


Settings = TypeVar("Settings", bound=FromWeights)


@runtime_checkable
class NamesFrom(Protocol):
    """Settings that name what embeds the names of classes."""

    @property
    def name_model(self) -> str:
        """``characters``, a folder, or a hub repository."""

    @property
    def name_revision(self) -> str:
        """A commit, branch or tag of the hub repository."""


@dataclass(frozen=True)
class Repository:
    """A hub repository that holds a model's weights.

    Attributes:
        name: ``owner/name``.
        candidates: What the weights may be called there, the best first.
    """

    name: str
    candidates: tuple[str, ...]


def repository_of(settings: FromWeights) -> Repository | None:
    """Say which repository a model's weights are fetched from.

    Returns:
        None where they are a path, random, or only at an address that the library knows, or where
            the model itself is a folder.
    """
    if is_path(settings.weights) or settings.weights == "random":
        return None
    if settings.library == "open_clip":
        return open_clip_repository(settings.model, settings.weights)
    if settings.library == "timm":
        return timm_repository(settings.model)
    return None if model_folder(settings) else Repository(settings.model, WEIGHTS)


def weights_identity(settings: FromWeights) -> str:
    """Say which weights these are, so that what other weights made is never taken for theirs.

    Returns:
        The repository and commit of published weights, the sha-256 of every file behind a path or
        in the model's own folder, or the word itself.

    Raises:
        EncoderError: The path does not exist, or the revision cannot be resolved.
    """
    places, words = [], [settings.weights]
    if is_path(settings.weights):
        places, words = [existing_path(settings.weights, settings.model)], []
    folder = model_folder(settings)
    if folder and not any(place.is_dir() for place in places):
        places.append(folder)
    if places:
        return "+".join([*map(content_identity, places), *words])
    repository = repository_of(settings)
    if repository is None:
        return settings.weights
    return f"{repository.name}@{resolve_commit(repository.name, settings.revision)}"


def identities(settings: BaseModel) -> list[str]:
    """Say which weights all that parameters name are, as `weights_identity` does.

    Args:
        settings: Parameters, with others inside.

    Raises:
        EncoderError: A path does not exist, or a revision cannot be resolved.
    """
    found = []
    if isinstance(settings, FromWeights):
        found.append(weights_identity(settings))
    if isinstance(settings, NamesFrom):
        found.append(name_model_identity(settings))
    inner = [getattr(settings, name) for name in type(settings).model_fields]
    return found + [each for one in inner if isinstance(one, BaseModel) for each in identities(one)]


def model_folder(settings: FromWeights) -> Path | None:
    """Give the folder that a model's name is, None where it names a model of its library."""
    named = settings.model.removeprefix(LOCAL_MODEL)
    read_from_folders = settings.library == "transformers" or named != settings.model
    return Path(named).expanduser() if read_from_folders and _is_folder(named) else None


def find_weights(settings: FromWeights) -> None:
    """See that published weights are in the cache or can be fetched; they are not fetched yet.

    Raises:
        EncoderError: They can be neither fetched nor found in the cache.
    """
    repository = repository_of(settings)
    if repository:
        check_within_reach(repository.name, settings.revision, repository.candidates)


def at_commit(settings: Settings) -> Settings:
    """Name the commit that settings' revision means now, in its place.

    Another process that is given them loads the same weights, whatever the branch means by then.

    Args:
        settings: A parameters model.

    Raises:
        EncoderError: The revision cannot be resolved.
    """
    repository = repository_of(settings)
    if repository is None:
        return settings
    commit = resolve_commit(repository.name, settings.revision)
    return settings.model_copy(update={"revision": commit})


def pinned(settings: FromWeights) -> dict[str, Any]:
    """Write settings down with the commit that their revision means now.

    What is made with them can then be loaded again after the branch has moved.

    Args:
        settings: A parameters model.

    Returns:
        Its JSON values.

    Raises:
        EncoderError: The revision cannot be resolved.
    """
    return at_commit(settings).model_dump(mode="json")


def model_files(settings: FromWeights) -> ModelFiles:
    """List the files that a model of transformers is loaded from.

    Args:
        settings: The model is a hub repository or a folder; the weights may be another folder.

    Raises:
        EncoderError: The folder does not exist, or the repository cannot be had.
    """
    if is_path(settings.weights):
        path = existing_path(settings.weights, settings.model)
        if path.is_dir():
            return local_files(path)
    folder = model_folder(settings)
    if folder:
        return local_files(folder)
    return hub_files(settings.model, settings.revision)


def name_model_source(settings: NamesFrom) -> str:
    """Give what the embedding of names is loaded from.

    Returns:
        ``characters`` or the folder of a SentenceTransformer.

    Raises:
        EncoderError: The repository cannot be had, or there are no weights.
        OutsideError: A layer would lie outside of the folder.
    """
    if settings.name_model == CHARACTERS:
        return CHARACTERS
    repository = _name_repository(settings)
    files = (
        hub_files(repository, settings.name_revision, NAME_SETTING)
        if repository
        else local_files(Path(settings.name_model).expanduser())
    )
    needed = [name for layer in _layers(files) for name in files.weight_files(layer)]
    return str(files.fetch_all(needed))


def _layers(files: ModelFiles) -> list[tuple[str, ...]]:
    """Say what the weights of a SentenceTransformer's layers may be called.

    The first reads the tokens; those after the mean of its answers seldom have weights.
    """
    places = [""]
    if LAYERS in files.names:
        listed = files.fetch(LAYERS)
        described = json.loads(listed.read_text(encoding="utf-8"))
        places = [f"{layer['path']}/" if layer["path"] else "" for layer in described]
        for place in filter(None, places):
            inside(listed.parent, place)
    first, *others = (tuple(place + name for name in WEIGHTS) for place in places)
    return [first, *(layer for layer in others if set(layer) & set(files.names))]


def name_model_identity(settings: NamesFrom) -> str:
    """Say which name model this is: the word, its content, or its repository and commit.

    Raises:
        EncoderError: The revision cannot be resolved.
    """
    repository = _name_repository(settings)
    if repository is not None:
        return f"{repository}@{resolve_commit(repository, settings.name_revision, NAME_SETTING)}"
    if settings.name_model == CHARACTERS:
        return settings.name_model
    return content_identity(existing_path(settings.name_model, settings.name_model))


def pinned_names(settings: NamesFrom) -> dict[str, str]:
    """Write down the name model, with the commit that its revision means now.

    Raises:
        EncoderError: The revision cannot be resolved.
    """
    repository, revision = _name_repository(settings), settings.name_revision
    if repository is not None:
        revision = resolve_commit(repository, revision, NAME_SETTING)
    return {"name_model": settings.name_model, "name_revision": revision}


def _name_repository(settings: NamesFrom) -> str | None:
    """Name the repository; models of the library's own makers may be named without an owner."""
    name = settings.name_model
    if name == CHARACTERS or _is_folder(name):
        return None
    return name if "/" in name else f"sentence-transformers/{name}"


def _is_folder(name: str) -> bool:
    return Path(name).expanduser().is_dir()


def timm_repository(model: str) -> Repository | None:
    """Say which repository timm fetches a model's weights from; None where it has another place."""
    import timm

    if model.startswith(ON_THE_HUB):
        return Repository(model.partition(":")[2], WEIGHTS)
    known = timm.get_pretrained_cfg(model)
    if known is None or not known.hf_hub_id:
        return None
    own = known.hf_hub_filename
    return Repository(known.hf_hub_id, _as_safetensors(own) if own else WEIGHTS)


def open_clip_repository(model: str, tag: str) -> Repository | None:
    """Say which repository a tag of open_clip means; None where it has another place."""
    import open_clip

    if model.startswith(ON_THE_HUB):
        return Repository(model.partition(":")[2], OPEN_CLIP_WEIGHTS)
    address = (open_clip.get_pretrained_cfg(model, tag) or {}).get("hf_hub")
    if not address:
        return None
    name, _, own = address.rpartition("/")
    return Repository(name, _as_safetensors(own) if own else OPEN_CLIP_WEIGHTS)


def _as_safetensors(file: str) -> tuple[str, ...]:
    """Prefer the safetensors twin of a file, which repositories have beside it or in its place."""
    stem, _, _ = file.rpartition(".")
    return tuple(dict.fromkeys((f"{stem}.safetensors", file)))
