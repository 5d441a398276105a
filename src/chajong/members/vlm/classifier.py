"""A vision-language model that the training engine can train, and that scores candidates."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from chajong.device import best_device
from chajong.members.vlm.adapters import add_adapters
from chajong.members.vlm.base_model import check_base, load_network, load_processor
from chajong.members.vlm.name_scoring.class_head import ClassHead, ClassHeadScorer
from chajong.members.vlm.name_scoring.letters import Letters, letter_tokens, with_options
from chajong.members.vlm.name_scoring.listwise import listwise_loss, trie_log_likelihoods
from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.members.vlm.name_scoring.null_image import WithoutPrior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.vlm.name_scoring.scoring import CandidateScorer
    from chajong.members.vlm.parameters import VlmClassifierParameters
    from chajong.members.vlm.questions import Question

VISION, LANGUAGE = 0, 1
"""Depths: the vision tower comes first and learns more slowly."""

VISION_PARTS = ("visual.", "vision_tower.")


class VlmClassifier(torch.nn.Module):
    """Answers questions about photos; a `PhotoClassifier` whose batches bring questions."""

    def __init__(
        self,
        network: Any,
        processor: Any,
        names: Sequence[str],
        parameters: VlmClassifierParameters,
        image_size: tuple[int, int],
    ) -> None:
        """Join a network with its processor and, where one is trained, a head.

        Args:
            network: A network of transformers, or a model of peft around one.
            processor: Its processor.
            names: The classes as they are asked about, in the order of the effective classes.
            parameters: The objective and how candidates are scored.
            image_size: Height and width in pixels of the photos.
        """
        super().__init__()
        self.network = network
        self.names = tuple(names)
        self.image_size = image_size
        self.settings = parameters
        base = network.get_base_model() if hasattr(network, "get_base_model") else network
        self.reader = VisionLanguageModel(base, processor)
        self.head: ClassHead | None = None
        if parameters.objective == "class_head":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(parameters.seed)
                self.head = ClassHead(base.config.get_text_config().hidden_size, len(self.names))

    def forward(
        self,
        photos: torch.Tensor,
        labels: torch.Tensor,
        other_labels: torch.Tensor,
        share: torch.Tensor,
        questions: Sequence[Question],
    ) -> dict[str, torch.Tensor]:
        """Compute the loss of a batch.

        Args:
            photos: uint8 [photos, 3, height, width].
            labels: int64 [photos], the effective class index.
            other_labels: The same: photos are not mixed.
            share: Ones.
            questions: One a photo, the right class among its candidates.

        Returns:
            ``loss``, a scalar.
        """
        losses = {
            "listwise": self._listwise_loss,
            "answer": self._answer_loss,
            "letters": self._letters_loss,
            "class_head": self._head_loss,
        }
        return {"loss": losses[self.settings.objective](photos, labels, questions)}

    @cached_property
    def scorer(self) -> CandidateScorer:
        """What scores candidates as the model was trained to."""
        scorer: CandidateScorer
        if self.head is not None:
            scorer = ClassHeadScorer(self.reader, self.head, self.names)
        elif self.settings.objective == "letters":
            scorer = Letters(self.reader, self.settings.orders, self.settings.seed)
        else:
            scorer = NamesInOnePass(self.reader)
        strength = self.settings.prior_correction
        return WithoutPrior(scorer, strength) if strength else scorer

    def candidate_names(self, questions: Sequence[Question]) -> list[list[str]]:
        """Write the candidates of questions as they are asked about."""
        return [[self.names[name] for name in question.candidates] for question in questions]

    def layer_depths(self) -> dict[str, int | None]:
        """Say how far every trainable parameter, by name, is from the input.

        Returns:
            0 for changes to the vision tower, 1 for those to the language model, None for a head.
        """
        return {
            name: _depth(name) for name, weight in self.named_parameters() if weight.requires_grad
        }

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them, or stop doing so."""
        if enabled:
            self.reader.network.activation_checkpointing_enable({"use_reentrant": False})
        else:
            self.reader.network.activation_checkpointing_disable()

    def _listwise_loss(
        self, photos: torch.Tensor, labels: torch.Tensor, questions: Sequence[Question]
    ) -> torch.Tensor:
        prompts = self.reader.prepare(list(photos), [question.prompt for question in questions])
        scores = trie_log_likelihoods(self.reader, prompts, self.candidate_names(questions))
        return listwise_loss(scores, _places(labels, questions))

    def _answer_loss(
        self, photos: torch.Tensor, labels: torch.Tensor, questions: Sequence[Question]
    ) -> torch.Tensor:
        answers = [self.names[label] for label in labels.tolist()]
        prompts = self.reader.prepare(list(photos), [question.prompt for question in questions])
        scores = trie_log_likelihoods(self.reader, prompts, [[name] for name in answers])
        return -scores.sum() / sum(len(self.reader.name_tokens(name)) for name in answers)

    def _letters_loss(
        self, photos: torch.Tensor, labels: torch.Tensor, questions: Sequence[Question]
    ) -> torch.Tensor:
        asked = [
            with_options(question.prompt, names)
            for question, names in zip(questions, self.candidate_names(questions), strict=True)
        ]
        states = self.reader.last_states(self.reader.prepare(list(photos), asked))
        letters = letter_tokens(self.reader)[: len(questions[0].candidates)]
        return cross_entropy(self.reader.logits(states)[:, letters], _places(labels, questions))

    def _head_loss(
        self, photos: torch.Tensor, labels: torch.Tensor, questions: Sequence[Question]
    ) -> torch.Tensor:
        assert self.head is not None
        asked = [question.prompt for question in questions]
        states = self.reader.last_states(self.reader.prepare(list(photos), asked))
        return cross_entropy(self.head(states), labels)


def build_vlm_classifier(
    parameters: VlmClassifierParameters, names: Sequence[str], *, trained: bool
) -> VlmClassifier:
    """Load a published model, and put adapters on it where it is or was trained.

    Args:
        parameters: Which model, and what it learns.
        names: The classes as they are asked about.
        trained: Whether training changes it.

    Returns:
        The classifier, on the best device there is, in training mode.

    Raises:
        EncoderError: The model cannot be loaded.
    """
    image_size = check_base(parameters)
    network = load_network(parameters)
    if trained:
        network = add_adapters(network, parameters)
    processor = load_processor(parameters)
    model = VlmClassifier(network, processor, names, parameters, image_size)
    return model.to(best_device()).train()


def _places(labels: torch.Tensor, questions: Sequence[Question]) -> torch.Tensor:
    """Say where the right class is among each question's candidates, int64 [photos]."""
    places = [
        question.candidates.index(label)
        for question, label in zip(questions, labels.tolist(), strict=True)
    ]
    return torch.tensor(places, device=labels.device)


def _depth(name: str) -> int | None:
    if name.startswith("head."):
        return None
    return VISION if any(part in name for part in VISION_PARTS) else LANGUAGE
