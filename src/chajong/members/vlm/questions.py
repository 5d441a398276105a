"""Questions about photos: which names are asked about, and what the prompt tells beforehand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters
    from chajong.members.vlm.templates import PromptTemplate


@dataclass(frozen=True)
class Question:
    """What a model is asked about one photo.

    Attributes:
        prompt: The question, without the chat template.
        candidates: The names among which it is to choose, by effective class index.
    """

    prompt: str
    candidates: tuple[int, ...]


def spoken_names(class_names: Sequence[str]) -> tuple[str, ...]:
    """Write class names as people do, with spaces; a name that would be another's stays."""
    spoken = [" ".join(name.replace("_", " ").split()) or name for name in class_names]
    count = Counter(spoken)
    return tuple(
        written if count[written] == 1 else name
        for written, name in zip(spoken, class_names, strict=True)
    )


class QuestionWriter:
    """Words questions from another member's predictions, or without them."""

    def __init__(
        self,
        parameters: VlmClassifierParameters,
        hints: HintsParameters,
        class_names: Sequence[str],
    ) -> None:
        """Keep what is asked.

        Args:
            parameters: Templates and number of candidates.
            hints: What hints tell.
            class_names: The effective classes.
        """
        self._parameters = parameters
        self._hints = hints
        self.names = spoken_names(class_names)

    @property
    def candidate_count(self) -> int:
        """How many names each question is about."""
        if not self._hints.given:
            return len(self.names)
        return min(self._parameters.candidates, len(self.names))

    def in_prediction(self, photo: str, predicted: np.ndarray | None) -> Question:
        """Word the question about a photo, the same each time.

        Args:
            photo: What names the photo, its content's sha-256; it decides the order of the
                hints.
            predicted: The hinting member's log-probabilities [classes], None without one.

        Returns:
            The question; its candidates are in the hinting member's order.
        """
        generator = np.random.default_rng((self._parameters.seed, crc32(photo.encode())))
        candidates = self._candidates(predicted)
        hinted = candidates[: self._hints.count] if predicted is not None else ()
        return self._write(self._parameters.templates[0], candidates, hinted, predicted, generator)

    def unsure(self, predicted: np.ndarray) -> np.ndarray:
        """Say which photos are asked about: those whose most probable name is not sure enough.

        Args:
            predicted: The hinting member's log-probabilities [photos, classes].

        Returns:
            bool [photos].
        """
        if self._parameters.ask_below == 1:
            return np.ones(len(predicted), bool)
        below: np.ndarray = predicted.max(axis=1) < np.log(self._parameters.ask_below)
        return below

    def in_training(
        self, predicted: np.ndarray | None, label: int, generator: np.random.Generator
    ) -> Question:
        """Word a question about a training photo, in a way of its own each time.

        Hints that are always there and always hold the truth would teach the model to copy them.

        Args:
            predicted: The hinting member's out-of-fold log-probabilities [classes], None without
                one.
            label: The right class, which is always among the candidates.
            generator: The only source of chance.

        Returns:
            The question; its candidates are in an order of chance.
        """
        hints = self._hints
        template = self._parameters.templates[generator.integers(len(self._parameters.templates))]
        dropped, truth_left_out = generator.random(2) < (hints.drop, hints.leave_truth_out)
        ranked = self._candidates(predicted)
        candidates = ranked if label in ranked else (*ranked[:-1], label)
        shown = [name for name in ranked if not (truth_left_out and name == label)]
        hinted = () if dropped or predicted is None else tuple(shown[: hints.count])
        shuffled = tuple(int(name) for name in generator.permutation(candidates))
        return self._write(template, shuffled, hinted, predicted, generator)

    def _candidates(self, predicted: np.ndarray | None) -> tuple[int, ...]:
        if predicted is None:
            return tuple(range(len(self.names)))
        order = np.argsort(-predicted, kind="stable")[: self.candidate_count]
        return tuple(order.tolist())

    def _write(
        self,
        template: PromptTemplate,
        candidates: tuple[int, ...],
        hinted: tuple[int, ...],
        predicted: np.ndarray | None,
        generator: np.random.Generator,
    ) -> Question:
        if predicted is None or not hinted or not self._hints.in_prompt:
            return Question(template.without_hints.format(), candidates)
        hints = ", ".join(
            template.hint.format(
                name=self.names[name], percent=round(100 * float(np.exp(predicted[name])))
            )
            for name in generator.permutation(hinted)
        )
        return Question(template.with_hints.format(hints=hints), candidates)


@dataclass(frozen=True, eq=False)
class TrainingQuestions:
    """Words the questions of a training; a `PhotoQuestions`.

    Attributes:
        writer: Words them.
        predicted: The hinting member's out-of-fold log-probabilities [classes] by `photo_id`, None
            without one.
    """

    writer: QuestionWriter
    predicted: dict[str, np.ndarray] | None

    def __call__(self, photo_id: str, label: int, generator: np.random.Generator) -> Question:
        """Word a question; see `QuestionWriter.in_training`."""
        return self.writer.in_training(self._of(photo_id), label, generator)

    def length(self, photo_id: str) -> int:
        """Count the characters of the question with its hints: tokens grow with them."""
        return len(self.writer.in_prediction(photo_id, self._of(photo_id)).prompt)

    def _of(self, photo_id: str) -> np.ndarray | None:
        return None if self.predicted is None else self.predicted[photo_id]
