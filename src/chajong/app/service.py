"""What the page asks for and what it is answered, whatever models stand behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class CarModel:
    """A class.

    Attributes:
        name: Its name as the submission writes it.
        english: Its English rendering.
        maker: Its maker, empty where the name does not tell.
    """

    name: str
    english: str
    maker: str = ""


@dataclass(frozen=True)
class RankedModel:
    """A class with its calibrated probability, from 0 to 1."""

    model: CarModel
    probability: float


@dataclass(frozen=True, eq=False)
class SimilarPhoto:
    """A known photo beside what was asked.

    Attributes:
        photo_id: The photo's id.
        model: The class on its label.
        distance: Cosine distance to what was asked, from 0 (the same) to 2.
        thumbnail: A small JPEG.
    """

    photo_id: str
    model: CarModel
    distance: float
    thumbnail: bytes


@dataclass(frozen=True)
class MemberOpinion:
    """What one member of the ensemble says.

    Attributes:
        member: The member's name.
        kind: The name of its kind: how it tells cars apart.
        model: What it is made of, such as a model's published name.
        weight: Its weight in the pool.
        models: Its most probable classes, the first first.
    """

    member: str
    kind: str
    model: str
    weight: float
    models: tuple[RankedModel, ...]


@dataclass(frozen=True)
class Evidence:
    """Why a class: the known photo of that class which is nearest to the photo asked about."""

    ranked: RankedModel
    nearest: SimilarPhoto | None


@dataclass(frozen=True)
class Recognition:
    """The answer to a photo.

    Attributes:
        models: The most probable classes, the first first.
        similar: The most similar known photos, the nearest first; none without an index.
        evidence: The nearest known photo of each of the leading classes.
        opinions: What each member says, the heaviest first; one for a single member.
        distance: How far the nearest known photo is; None without an index.
        limit: How far it may be.
    """

    models: tuple[RankedModel, ...]
    similar: tuple[SimilarPhoto, ...]
    evidence: tuple[Evidence, ...]
    opinions: tuple[MemberOpinion, ...]
    distance: float | None = None
    limit: float | None = None

    @property
    def is_known(self) -> bool | None:
        """Whether the photo is near enough to a known car's; None where that cannot be told."""
        if self.distance is None or self.limit is None:
            return None
        return self.distance <= self.limit


@dataclass(frozen=True)
class Confusion:
    """Two classes that are taken for one another, out of fold.

    Attributes:
        given: The class on the labels.
        predicted: The class answered instead.
        photos: Photos of `given` answered as `predicted`.
        of: Photos of `given`.
    """

    given: CarModel
    predicted: CarModel
    photos: int
    of: int


@dataclass(frozen=True)
class SearchRequest:
    """What is searched for.

    Attributes:
        words: Korean or English, empty to search by the photo alone.
        photo: A photo file's bytes, None to search by words alone.
        photo_share: How much the photo counts where both are given, from 0 to 1.
        maker: Only models of this maker; empty for all.
        model: Only this class, by its name; empty for all.
        first_year: Only models that were made in this year or later; None for all.
        last_year: Only models that were made in this year or earlier; None for all.
        count: Photos wanted.
    """

    words: str = ""
    photo: bytes | None = None
    photo_share: float = 0.5
    maker: str = ""
    model: str = ""
    first_year: int | None = None
    last_year: int | None = None
    count: int = 12


class RequestError(ValueError):
    """A request that cannot be answered; the message says why in plain words, for anyone.

    Attributes:
        status: What HTTP calls it.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        """Keep both."""
        super().__init__(message)
        self.status = status


class CarService(Protocol):
    """What the page needs. Methods may be called from several threads."""

    @property
    def models(self) -> tuple[CarModel, ...]:
        """The classes that can be answered, in order."""

    @property
    def searches_words(self) -> bool:
        """Whether photos can be searched by words."""

    @property
    def card(self) -> str:
        """The ensemble's model card, Markdown without its YAML header."""

    @property
    def examples(self) -> tuple[bytes, ...]:
        """A few photos to try, JPEGs that no model was trained on."""

    def recognise(self, photos: Sequence[bytes], count: int) -> Recognition:
        """Name a car.

        Args:
            photos: The bytes of one or more files that show it; they get one answer.
            count: Classes and similar photos wanted.

        Raises:
            UnreadablePhotoError: A file is not a photo that can be read.
        """

    def search(self, request: SearchRequest) -> tuple[SimilarPhoto, ...]:
        """Find known photos.

        Raises:
            RequestError: Nothing was asked for, or words where photos only can be searched.
            UnreadablePhotoError: The photo cannot be read.
        """

    def photo_of(self, model: str) -> bytes | None:
        """Give a known photo of a class, a small JPEG, None where there is none.

        Args:
            model: The class's name.
        """

    def confusions(self, model: str) -> tuple[Confusion, ...]:
        """List confusions, the most photos first.

        Args:
            model: A class's name, of which confusions are wanted in both directions; empty for
                those of all classes.
        """
