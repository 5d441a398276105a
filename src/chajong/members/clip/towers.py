"""Both towers of a CLIP model, whichever library built it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import hub_files, resolve_commit
from chajong.encoders.image_model import ImageModel
from chajong.encoders.open_clip_models import (
    load_open_clip_network,
    open_clip_source,
    photo_format,
)
from chajong.encoders.published import at_commit, repository_of
from chajong.encoders.transformers_models import (
    load_transformers_network,
    transformers_folder,
)
from chajong.encoders.weights import LOCAL_MODEL
from chajong.names.reading import Reader, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.clip.parameters import ClipParameters


class ClipTowers(ImageModel, ABC):
    """A model that embeds photos and sentences in one space.

    Attributes:
        network: The library's own model.
        context: Most tokens that a sentence may have, its start and end included.
    """

    def __init__(self, model: ImageModel, tokenizer: Any, context: int) -> None:
        """Join a model and its tokenizer.

        Args:
            model: The library's model, with what photos it takes.
            tokenizer: The library's tokenizer.
            context: Most tokens that a sentence may have.
        """
        super().__init__(model.network, *model.image_size, model.mean, model.std)
        self.context = context
        self._tokenizer = tokenizer

    @property
    def logit_scale(self) -> torch.nn.Parameter:
        """Logarithm of the number that cosines are multiplied by."""
        scale: torch.nn.Parameter = self.network.logit_scale
        return scale

    @abstractmethod
    def encode_photos(self, normalised: torch.Tensor) -> torch.Tensor:
        """Embed normalised photos [n, 3, height, width] as [n, d], of any length."""

    @abstractmethod
    def encode_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed tokens [n, context] as [n, d], of any length."""

    def tokenize(self, texts: Sequence[str]) -> torch.Tensor:
        """Turn sentences into tokens.

        Args:
            texts: The sentences.

        Returns:
            int64 [sentences, context].

        Raises:
            EncoderError: A sentence has more tokens than the model can read.
        """
        for text, count in zip(texts, self._token_counts(texts), strict=True):
            if count > self.context:
                message = (
                    f"The text {text!r} has {count} tokens, but the model reads at most "
                    f"{self.context}. Shorten the name, or set the model's `languages` to the one "
                    "whose sentences are short enough."
                )
                raise EncoderError(message)
        return self._padded_tokens(list(texts))

    @abstractmethod
    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so."""

    @abstractmethod
    def reader(self) -> Reader:
        """Say how the tokenizer reads."""

    @abstractmethod
    def _token_counts(self, texts: Sequence[str]) -> list[int]: ...

    @abstractmethod
    def _padded_tokens(self, texts: list[str]) -> torch.Tensor: ...


class OpenClipTowers(ClipTowers):
    """A CLIP, CustomTextCLIP or SigLIP model of open_clip."""

    def encode_photos(self, normalised: torch.Tensor) -> torch.Tensor:
        """Embed normalised photos [n, 3, height, width] as [n, d], of any length."""
        embedded: torch.Tensor = self.network.encode_image(normalised)
        return embedded

    def encode_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed tokens [n, context] as [n, d], of any length."""
        embedded: torch.Tensor = self.network.encode_text(tokens)
        return embedded

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so."""
        self.network.set_grad_checkpointing(enabled)

    def reader(self) -> Reader:
        """Say how the tokenizer reads; CLIP's own spells everything, byte by byte."""
        tokenizer = self._tokenizer
        if not hasattr(tokenizer, "tokenizer"):
            return Reader(lambda texts: [tokenizer.encode(text) for text in texts], None)
        inner = reader_of(tokenizer.tokenizer)
        return Reader(
            lambda texts: inner.pieces([tokenizer.clean_fn(text) for text in texts]), inner.unknown
        )

    def _token_counts(self, texts: Sequence[str]) -> list[int]:
        if hasattr(self._tokenizer, "tokenizer"):
            cleaned = [self._tokenizer.clean_fn(text) for text in texts]
            return [len(ids) for ids in self._tokenizer.tokenizer(cleaned).input_ids]
        # CLIP's own tokenizer encodes without the start and the end.
        return [len(self._tokenizer.encode(text)) + 2 for text in texts]

    def _padded_tokens(self, texts: list[str]) -> torch.Tensor:
        tokens: torch.Tensor = self._tokenizer(texts, context_length=self.context)
        return tokens


class TransformersTowers(ClipTowers):
    """A CLIPModel or SiglipModel of transformers."""

    def encode_photos(self, normalised: torch.Tensor) -> torch.Tensor:
        """Embed normalised photos [n, 3, height, width] as [n, d], of any length."""
        trained_size = self.network.config.vision_config.image_size
        embedded: torch.Tensor = self.network.get_image_features(
            pixel_values=normalised,
            interpolate_pos_encoding=(self.height, self.width) != (trained_size, trained_size),
        ).pooler_output
        return embedded

    def encode_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed tokens [n, context] as [n, d], of any length."""
        embedded: torch.Tensor = self.network.get_text_features(input_ids=tokens).pooler_output
        return embedded

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so."""
        if enabled:
            self.network.gradient_checkpointing_enable()
        else:
            self.network.gradient_checkpointing_disable()

    def reader(self) -> Reader:
        """Say how the tokenizer reads."""
        return reader_of(self._tokenizer)

    def _token_counts(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._tokenizer(list(texts)).input_ids]

    def _padded_tokens(self, texts: list[str]) -> torch.Tensor:
        padded = self._tokenizer(
            texts, padding="max_length", max_length=self.context, return_tensors="pt"
        )
        tokens: torch.Tensor = padded.input_ids
        return tokens


def load_towers(parameters: ClipParameters) -> ClipTowers:
    """Build both towers and load their weights.

    Args:
        parameters: The model's name and where its weights come from.

    Returns:
        The towers, float32, on the CPU.

    Raises:
        EncoderError: The model, its weights or its tokenizer are unknown, absent or do not fit, or
            the model reads no text.
    """
    loaders = {"open_clip": _open_clip_towers, "transformers": _transformers_towers}
    return loaders[parameters.library](parameters)


def _open_clip_towers(parameters: ClipParameters) -> ClipTowers:
    network = load_open_clip_network(parameters.source)
    tokenizer = _open_clip_tokenizer(parameters)
    context = tokenizer.context_length
    return OpenClipTowers(ImageModel(network, *photo_format(network.visual)), tokenizer, context)


def _open_clip_tokenizer(parameters: ClipParameters) -> Any:
    """Load the tokenizer: from the model's folder, or as open_clip's own configuration says.

    Where that names the weights' own repository, the tokenizer is taken at their revision.
    """
    import open_clip

    source = open_clip_source(parameters.source)
    text = _text_configuration(source)
    named = text.get("hf_tokenizer_name")
    try:
        if not named:
            return open_clip.get_tokenizer(source)
        other = other_tokenizer(parameters)
        revision = parameters.tokenizer_revision if other else parameters.revision
        folder = hub_files(named, revision, setting=None).folder(())
        return open_clip.tokenizer.HFTokenizer(
            str(folder),
            context_length=text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH),
            tokenizer_mode=text.get("tokenizer_mode"),
            **text.get("tokenizer_kwargs", {}),
        )
    except EncoderError:
        raise  # It says itself what is missing.
    except (OSError, ValueError) as error:
        raise _no_tokenizer(parameters, error) from error


def other_tokenizer(parameters: ClipParameters) -> str | None:
    """Name the repository of a tokenizer that open_clip takes from another place than the weights.

    Raises:
        EncoderError: The model is unknown, or its files cannot be had.
    """
    if parameters.library != "open_clip":
        return None
    source = open_clip_source(parameters.source)
    named: str | None = _text_configuration(source).get("hf_tokenizer_name")
    weights = repository_of(parameters.source)
    own = weights is not None and weights.name == named
    return None if own else named


def at_commits(parameters: ClipParameters) -> ClipParameters:
    """Name the commits that the revisions of weights and tokenizer mean now, in their place.

    Raises:
        EncoderError: A revision cannot be resolved.
    """
    settings = at_commit(parameters)
    other = other_tokenizer(settings)
    if other is None:
        return settings
    commit = resolve_commit(other, settings.tokenizer_revision, setting=None)
    return settings.model_copy(update={"tokenizer_revision": commit})


def _text_configuration(source: str) -> dict[str, Any]:
    """Read what open_clip's own configuration says of the text; a folder keeps its tokenizer."""
    import open_clip

    if source.startswith(LOCAL_MODEL):
        return {}
    configuration: dict[str, Any] = open_clip.get_model_config(source)["text_cfg"]
    return configuration


def _transformers_towers(parameters: ClipParameters) -> ClipTowers:
    from transformers import AutoTokenizer

    model = load_transformers_network(parameters.source)
    network: Any = model.network
    if not hasattr(network, "get_text_features"):
        message = (
            f"{parameters.model!r} reads no text: it is a {type(network).__name__}. Set `model` to "
            "a CLIP or SigLIP model."
        )
        raise EncoderError(message)
    try:
        tokenizer = AutoTokenizer.from_pretrained(transformers_folder(parameters.source))
    except (OSError, ValueError) as error:
        raise _no_tokenizer(parameters, error) from error
    context = network.config.text_config.max_position_embeddings
    return TransformersTowers(model, tokenizer, context)


def _no_tokenizer(parameters: ClipParameters, error: Exception) -> EncoderError:
    message = (
        f"The tokenizer of {parameters.model!r} could not be loaded ({type(error).__name__}: "
        f"{error}). Keep the tokenizer's files beside the weights, or run once with a network."
    )
    return EncoderError(message)
