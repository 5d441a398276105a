"""The photos of a whole training in the order in which they are seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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

Item = tuple[torch.Tensor, int, int]
"""A photo uint8 [3, height, width], its label, and its place in the training."""


@dataclass(frozen=True, eq=False)
class LabelledPhotos:
    """Photos and their classes.

    Attributes:
        store: Where the photos are.
        contents: sha-256 of each photo's original file.
        labels: int64 [photos], effective class index.
        photo_ids: What errors call the photos.
    """

    store: PhotoStore
    contents: tuple[str, ...]
    labels: np.ndarray
    photo_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.contents)

    def take(self, positions: np.ndarray) -> LabelledPhotos:
        """Return the photos at `positions` (integers or a mask), in that order."""
        chosen = np.arange(len(self))[positions]
        return LabelledPhotos(
            self.store,
            tuple(self.contents[position] for position in chosen),
            self.labels[chosen],
            tuple(self.photo_ids[position] for position in chosen),
        )


class TrainingSchedule:
    """Which photo is seen when: a function of the seed alone, so that training can resume."""

    def __init__(self, photo_count: int, parameters: TrainingParameters) -> None:
        """Lay out the steps.

        Args:
            photo_count: Number of training photos.
            parameters: Epochs, batch size and seed.

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

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def photo(self, place: int) -> int:
        """Say which photo is seen at a place; an epoch leaves out what fills no whole batch."""
        epoch, position = divmod(place, self.steps_per_epoch * self.batch_size)
        return int(_order(self._photo_count, self._seed, epoch)[position])


@lru_cache(maxsize=4)
def _order(photo_count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(photo_count)


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
        return picture, int(self.photos.labels[photo]), place

    def photo_ids(self, places: list[int]) -> list[str]:
        """Name the photos at some places."""
        return [self.photos.photo_ids[self._schedule.photo(place)] for place in places]


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
        """Stack items as the batch that models take, with their places as `places`."""
        photos, labels, places = zip(*items, strict=True)
        generator = np.random.default_rng((self.parameters.seed, 1, places[0]))
        mixed = mix_batch(
            torch.stack(photos),
            torch.tensor(labels),
            self.parameters.mixing,
            generator,
            places[0] < self.plain_from,
        )
        return {**mixed, "places": torch.tensor(places)}


def _seed_of(seed: int, place: int) -> int:
    return int(np.random.SeedSequence((seed, 0, place)).generate_state(1, np.uint64)[0] >> 1)
