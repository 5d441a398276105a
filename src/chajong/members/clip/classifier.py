"""A CLIP model that scores photos against the names of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import log_softmax, normalize

from chajong.encoders.encoder import EncoderError
from chajong.members.clip.adapters import add_adapters
from chajong.members.clip.depths import tower_depths, tower_of
from chajong.members.clip.losses import clip_loss, multi_positive_contrastive
from chajong.members.clip.towers import load_towers
from chajong.names.reading import read_names
from chajong.training.losses import mixed_cross_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.clip.parameters import ClipParameters
    from chajong.members.clip.prompts import ClassPrompts
    from chajong.members.clip.towers import ClipTowers

LARGEST_SCALE = 100.0
"""Radford et al. 2021, section 2.5: larger ones made training unstable."""

Fingerprint = tuple[torch.device, list[int], list[float]]


class ClipClassifier(torch.nn.Module):
    """Scores photos by their cosine to the sentences about each class."""

    prompt_tokens: torch.Tensor
    first_prompt: torch.Tensor
    prompt_count: torch.Tensor
    absent: torch.Tensor

    def __init__(
        self,
        towers: ClipTowers,
        prompts: Sequence[Sequence[str]],
        parameters: ClipParameters,
        shown: Sequence[bool] | None = None,
    ) -> None:
        """Tokenise the sentences and freeze what is not trained.

        Args:
            towers: Both towers; frozen ones lose their gradients here.
            prompts: Sentences of every class, at least one each.
            parameters: The objective and what is frozen.
            shown: For every class whether a training photo shows it; the loss knows no other. All
                where it is not given.

        Raises:
            EncoderError: A sentence is longer than the model reads.
        """
        super().__init__()
        self.towers = towers
        self.settings = parameters
        counts = torch.tensor([len(of_class) for of_class in prompts])
        tokens = towers.tokenize([text for of_class in prompts for text in of_class])
        self.register_buffer("prompt_tokens", tokens, persistent=False)
        self.register_buffer("first_prompt", counts.cumsum(0) - counts, persistent=False)
        self.register_buffer("prompt_count", counts, persistent=False)
        absent = torch.tensor([not of_class for of_class in shown or [True] * len(prompts)])
        self.register_buffer("absent", absent, persistent=False)
        self._kept: tuple[Fingerprint, torch.Tensor] | None = None
        for name, weight in towers.named_parameters():
            # SigLIP's bias moves all classes alike, so none of the losses here reaches it.
            if tower_of(name) in parameters.freeze or name.endswith("logit_bias"):
                weight.requires_grad = False

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels of the photos."""
        return self.towers.image_size

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so.

        Raises:
            EncoderError: The model cannot do it.
        """
        try:
            self.towers.set_gradient_checkpointing(enabled)
        except (AssertionError, AttributeError, NotImplementedError, ValueError) as error:
            message = (
                f"{self.settings.model!r} cannot compute activations twice. Set "
                "`training.gradient_checkpointing: false`, or change the `model`."
            )
            raise EncoderError(message) from error

    def train(self, mode: bool = True) -> ClipClassifier:
        """Switch between training and prediction; frozen towers always predict."""
        super().train(mode)
        for name, module in self.towers.named_modules():
            if tower_of(name) in self.settings.freeze:
                module.eval()
        return self

    def forward(
        self,
        photos: torch.Tensor,
        labels: torch.Tensor,
        other_labels: torch.Tensor,
        share: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Compute the loss of a batch.

        CLIP's own loss knows one class a photo and ignores what is mixed in.

        Args:
            photos: uint8 [photos, 3, height, width].
            labels: int64 [photos], the effective class index.
            other_labels: int64 [photos], the class of the photo mixed in.
            share: float32 [photos], the share of the first photo, 1 where nothing is mixed in.

        Returns:
            ``loss``, a scalar.
        """
        embedded = self.photo_embeddings(photos)
        if self.settings.objective == "clip":
            classes, position = labels.unique(return_inverse=True)
            texts = self._class_embeddings(classes)[position]
            with torch.autocast(photos.device.type, enabled=False):
                return {"loss": clip_loss(embedded, texts, self._scale())}
        names = self._class_embeddings(torch.arange(len(self.prompt_count), device=photos.device))
        with torch.autocast(photos.device.type, enabled=False):
            scale = self._scale()
            logits = (scale * embedded @ names.T).masked_fill(self.absent, -torch.inf)
            contrastive = multi_positive_contrastive(
                embedded, names[labels], labels, other_labels, share, scale
            )
            loss = mixed_cross_entropy(logits, labels, other_labels, share)
        return {"loss": loss + self.settings.contrastive_weight * contrastive}

    @torch.no_grad()
    def log_probabilities(self, photos: torch.Tensor) -> torch.Tensor:
        """Score photos, uint8 [photos, 3, height, width], as float32 [photos, classes]."""
        embedded = self.photo_embeddings(photos)
        names = self._mean_embeddings()
        with torch.autocast(photos.device.type, enabled=False):
            return log_softmax(self._scale() * embedded @ names.T, dim=1)

    def photo_embeddings(self, photos: torch.Tensor) -> torch.Tensor:
        """Embed photos, uint8 [n, 3, height, width], as float32 [n, d] of length 1."""
        return normalize(self.towers.features(photos).float(), dim=1)

    @torch.no_grad()
    def class_embeddings(self) -> torch.Tensor:
        """Embed the classes by the mean direction of their sentences, float32 [classes, d]."""
        return self._mean_embeddings()

    @torch.no_grad()
    def scale(self) -> float:
        """Give the number that cosines are multiplied by to become logits."""
        return self._scale().item()

    @torch.no_grad()
    def prompt_embeddings(self, prompts: Sequence[Sequence[str]]) -> torch.Tensor:
        """Embed names by the sentences about them, whether they were trained or not.

        Args:
            prompts: Sentences of each name, at least one each.

        Returns:
            float32 [names, d] of length 1: the mean direction of each name's sentences.

        Raises:
            EncoderError: A sentence is longer than the model reads.
        """
        device = self.prompt_tokens.device
        counts = torch.tensor([len(of_name) for of_name in prompts], device=device)
        tokens = self.towers.tokenize([text for of_name in prompts for text in of_name])
        return _mean_directions(self._encode_at_leisure(tokens.to(device)), counts)

    def layer_depths(self) -> dict[str, int | None]:
        """Say how far every trainable parameter, by name, is from the input.

        Returns:
            0 for the first pretrained layer of the deeper tower, the same last depth for both
            towers, None for adapters and for models without pretrained weights.
        """
        names = [name for name, weight in self.named_parameters() if weight.requires_grad]
        if self.settings.weights == "random":
            return dict.fromkeys(names)
        return {
            name: None if "lora_" in name else depth for name, depth in tower_depths(names).items()
        }

    def _scale(self) -> torch.Tensor:
        return self.towers.logit_scale.float().exp().clamp(max=LARGEST_SCALE)

    def _class_embeddings(self, classes: torch.Tensor) -> torch.Tensor:
        """Embed some classes, int64 [n], for a training step as float32 [n, d]."""
        if self.settings.prompts == "averaged":
            return self._mean_embeddings()[classes]
        draw = torch.rand(len(classes), device=classes.device)
        chosen = self.first_prompt[classes] + (draw * self.prompt_count[classes]).long()
        if self._text_is_constant():
            return self._kept_embeddings()[chosen]
        return self._encode(self.prompt_tokens[chosen])

    def _mean_embeddings(self) -> torch.Tensor:
        """Embed every class by the mean direction of its sentences, float32 [classes, d]."""
        constant = self._text_is_constant()
        embedded = self._kept_embeddings() if constant else self._encode(self.prompt_tokens)
        return _mean_directions(embedded, self.prompt_count)

    def _text_is_constant(self) -> bool:
        return not self.training or "text" in self.settings.freeze

    def _kept_embeddings(self) -> torch.Tensor:
        """Embed every sentence, float32 [sentences, d]; again only where weights have changed."""
        fingerprint = self._text_fingerprint()
        if self._kept is None or self._kept[0] != fingerprint:
            # What is kept must also serve a training step, which inference tensors cannot.
            with torch.inference_mode(mode=False), torch.no_grad():
                self._kept = fingerprint, self._encode_at_leisure(self.prompt_tokens)
        return self._kept[1]

    def _text_fingerprint(self) -> Fingerprint:
        """Tell weights of the text tower apart by content, however they were changed."""
        weights = [
            weight for name, weight in self.towers.state_dict().items() if tower_of(name) == "text"
        ]
        # Equal changes of two numbers cancel out in the hash, and opposite ones in the sum.
        hashes = torch.stack([torch.hash_tensor(weight).view(torch.int64) for weight in weights])
        sums = torch.stack([weight.sum(dtype=torch.float64) for weight in weights])
        return self.prompt_tokens.device, hashes.tolist(), sums.tolist()

    def _encode_at_leisure(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed sentences in full precision and in batches that fit into memory."""
        batch_size = self.settings.prediction_batch_size
        with torch.autocast(tokens.device.type, enabled=False):
            return torch.cat([self._encode(part) for part in tokens.split(batch_size)])

    def _encode(self, tokens: torch.Tensor) -> torch.Tensor:
        return normalize(self.towers.encode_texts(tokens).float(), dim=1)


def build_clip_classifier(
    parameters: ClipParameters, prompts: ClassPrompts, shown: Sequence[bool] | None = None
) -> ClipClassifier:
    """Build a classifier and load its starting weights.

    Args:
        parameters: The model, where its weights come from and how it learns.
        prompts: Sentences about the classes, in the classes' order.
        shown: For every class whether a training photo shows it; all where it is not given.

    Returns:
        The classifier, on the CPU, in training mode.

    Raises:
        EncoderError: The model cannot be loaded, does not read the sentences of a language, or
            reads shorter ones only.
        ValueError: A class has no sentence in the languages chosen.
    """
    sentences = prompts.in_languages(parameters.languages)
    towers = load_towers(parameters)
    _check_reading(towers, prompts, parameters)
    if parameters.lora_rank:
        add_adapters(towers, parameters)
    return ClipClassifier(towers, sentences, parameters, shown).train()


def _check_reading(towers: ClipTowers, prompts: ClassPrompts, parameters: ClipParameters) -> None:
    for language in parameters.languages:
        sentences = [group for group in prompts.in_language(language) if group]
        if sentences and (problem := read_names(towers.reader(), sentences).problem):
            message = (
                f"The tokenizer of {parameters.model!r} does not read {language.title()}: it "
                f"{problem}. Set the model's `languages` to those that it reads, or choose another "
                "model."
            )
            raise EncoderError(message)


def _mean_directions(embedded: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Average rows of length 1, [sentences, d], group by group, and give the means length 1."""
    groups = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    sums = embedded.new_zeros(len(counts), embedded.shape[1]).index_add(0, groups, embedded)
    return normalize(sums, dim=1)
