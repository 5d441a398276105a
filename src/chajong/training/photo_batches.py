"""The photos of a whole training in the order in which they are seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chajong.photos.decode import decode_photo
from chajong.training.augmentation import Augmentation
from chajong.training.errors import TrainingError
from chajong.training.mixing import mix_batch

if TYPE_CHECKING:
    from chajong.photos.store import PhotoStore
    from chajong.training.parameters import TrainingParameters
    from chajong.training.questions import PhotoQuestions

Item = tuple[torch.Tensor, int, int, Any]
"""A photo uint8 [3, height, width], its label, its place in the training, and its question."""

SIMILAR_BATCHES = 16
"""Batches that are sorted by length together: enough to save padding, few enough to stay mixed."""


@dataclass(frozen=True, eq=False)
class LabelledPhotos:
    """Photos and their classes.

    Attributes:
        store: Where the photos are.
        contents: sha-256 of each photo's original file.
        labels: int64 [photos], effective class index.
        photo_ids: What errors call the photos.
        questions: What is asked about the photos, None for models that only see.
    """

    store: PhotoStore
    contents: tuple[str, ...]
    labels: np.ndarray
    photo_ids: tuple[str, ...]
    questions: PhotoQuestions | None = None

    def __len__(self) -> int:
        return len(self.contents)

    def take(self, positions: np.ndarray) -> LabelledPhotos:
        """Return the photos at `positions` (integers or a mask), in that order."""
        chosen = np.arange(len(self))[positions]
        return replace(
            self,
            contents=tuple(self.contents[position] for position in chosen),
            labels=self.labels[chosen],
            photo_ids=tuple(self.photo_ids[position] for position in chosen),
        )

    def lengths(self) -> np.ndarray | None:
        """Give the length of each photo's question, int64 [photos], None where none is asked."""
        if self.questions is None:
            return None
        return np.array([self.questions.length(photo_id) for photo_id in self.photo_ids])


class TrainingSchedule:
    """Which photo is seen when: a function of the seed alone, so that training can resume."""

    def __init__(
        self,
        photo_count: int,
        parameters: TrainingParameters,
        lengths: np.ndarray | None = None,
    ) -> None:
        """Lay out the steps.

        Args:
            photo_count: Number of training photos.
            parameters: Epochs, batch size and seed.
            lengths: int64 [photos]; photos of one batch have similar lengths where it is given.

        Raises:
            TrainingError: There are not enough photos for one batch.
        """
        if photo_count < parameters.batch_size:
            message = (
                f"A batch of {parameters.batch_size} photos is larger than the {photo_count} "
                "training photos of a fold: lower `training.batch_size`."
            )
            raise TrainingError(message)
        self.batch_size = parameters.batch_size
        self.steps_per_epoch = photo_count // parameters.batch_size
        self.steps = self.steps_per_epoch * parameters.epochs
        self._photo_count = photo_count
        self._seed = parameters.seed
        self._lengths = lengths
        self._orders: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def photo(self, place: int) -> int:
        """Say which photo is seen at a place; an epoch leaves out what fills no whole batch."""
        epoch, position = divmod(place, self.steps_per_epoch * self.batch_size)
        if epoch not in self._orders:
            self._orders = {epoch: self._order(epoch)}
        return int(self._orders[epoch][position])

    def _order(self, epoch: int) -> np.ndarray:
        generator = np.random.default_rng((self._seed, epoch))
        order = generator.permutation(self._photo_count)
        if self._lengths is None:
            return order
        seen = order[: self.steps_per_epoch * self.batch_size]
        parts = np.split(seen, np.arange(0, len(seen), SIMILAR_BATCHES * self.batch_size)[1:])
        similar = [part[np.argsort(self._lengths[part], kind="stable")] for part in parts]
        batches = np.concatenate(similar).reshape(-1, self.batch_size)
        return generator.permutation(batches).ravel()


class TrainingSet(torch.utils.data.Dataset[Item]):
    """Every photo of every epoch, augmented by a seed of its own."""

    def __init__(
        self,
        photos: LabelledPhotos,
        schedule: TrainingSchedule,
        parameters: TrainingParameters,
        size: tuple[int, int],
    ) -> None:
        """Set up the photos.

        Args:
            photos: The training photos.
            schedule: Which photo is seen when.
            parameters: Augmentation and seed.
            size: Height and width in pixels that the model takes.
        """
        self.photos = photos
        self._schedule = schedule
        self._seed = parameters.seed
        self._augment = Augmentation(parameters.augmentation, *size)
        self._shortest_side = max(size)

    def __len__(self) -> int:
        return len(self._schedule)

    def __getitem__(self, place: int) -> Item:
        """Decode and augment the photo at a place; the same place gives the same picture."""
        photo = self._schedule.photo(place)
        jpeg = self.photos.store.jpeg(self.photos.contents[photo])
        decoded = decode_photo(jpeg, shortest_side=self._shortest_side)
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would seed a GPU's numbers too, which nothing restores.
            torch.default_generator.manual_seed(_seed_of(self._seed, place))
            picture = self._augment(decoded)
        label = int(self.photos.labels[photo])
        return picture, label, place, self._question(photo, label, place)

    def photo_ids(self, places: list[int]) -> list[str]:
        """Name the photos at some places."""
        return [self.photos.photo_ids[self._schedule.photo(place)] for place in places]

    def _question(self, photo: int, label: int, place: int) -> Any:
        if self.photos.questions is None:
            return None
        generator = np.random.default_rng((self._seed, 2, place))
        return self.photos.questions(self.photos.photo_ids[photo], label, generator)


@dataclass(frozen=True)
class BatchMixing:
    """Makes a batch of items, and mixes its photos.

    Attributes:
        parameters: How often photos are mixed.
        plain_from: Place in the training from which batches stay plain.
    """

    parameters: TrainingParameters
    plain_from: int

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        """Stack items as the batch that models take, with their places as `places`.

        The list `questions` is among it where photos have questions.
        """
        photos, labels, places, questions = zip(*items, strict=True)
        generator = np.random.default_rng((self.parameters.seed, 1, places[0]))
        mixed = mix_batch(
            torch.stack(photos),
            torch.tensor(labels),
            self.parameters.mixing,
            generator,
            places[0] < self.plain_from,
        )
        batch = {**mixed, "places": torch.tensor(places)}
        return batch if questions[0] is None else {**batch, "questions": list(questions)}


def _seed_of(seed: int, place: int) -> int:
    return int(np.random.SeedSequence((seed, 0, place)).generate_state(1, np.uint64)[0] >> 1)
