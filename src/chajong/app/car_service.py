"""The page's answers from a saved ensemble and, where there is one, an index of known photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.app.service import (
    CarModel,
    Confusion,
    Evidence,
    MemberOpinion,
    RankedModel,
    Recognition,
    RequestError,
    SimilarPhoto,
)
from chajong.inference.classifier import CarClassifier
from chajong.inference.given_photos import GivenPhoto
from chajong.inference.new_photos import prepare_new_photos
from chajong.photos.decode import UnreadablePhotoError
from chajong.search.filters import Filter, SearchError
from chajong.search.photo_index import nearest_photos, read_photo_index
from chajong.search.query import QueryEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from chajong.app.service import SearchRequest
    from chajong.inference.member_models import PhotoAnswers
    from chajong.search.photo_index import PhotoIndex

OPINIONS_SHOWN = 3
"""Classes that each member names, and classes for which the nearest evidence is shown."""


def load_service(ensemble: Path, index: Path | None, *, blur: bool) -> EnsembleService:
    """Load an ensemble and an index, and build every model.

    Args:
        ensemble: The ensemble's folder.
        index: The index's folder; without one no photo is searched for.
        blur: Whether faces and number plates are blurred in the known photos that are shown.

    Raises:
        SavedEnsembleError: There is no ensemble.
        SearchError: There is no index.
        BlurringError: Faces and plates cannot be found here.
    """
    from chajong.photos.blurring import blurred_jpeg

    classifier = CarClassifier.load(ensemble)
    classifier.warm_up()
    found = None if index is None else read_photo_index(index)
    return EnsembleService(classifier, found, blurred_jpeg if blur else None)


class EnsembleService:
    """A `CarService`."""

    def __init__(
        self,
        classifier: CarClassifier,
        index: PhotoIndex | None,
        change_thumbnail: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Build what encodes searches.

        Args:
            classifier: Names cars.
            index: The known photos, None where there are none to be shown.
            change_thumbnail: From a JPEG to the one that is shown, such as without faces.
        """
        self._classifier = classifier
        self._index = index
        self._change = change_thumbnail
        self._queries = None if index is None else QueryEncoder(index)
        classes = classifier.ensemble.classes
        named = classes.drop_duplicates("effective_class").sort_values("effective_id")
        named = named.assign(maker=named["maker"].fillna(""))
        self._models = {
            row["effective_class"]: CarModel(row["effective_class"], row["english"], row["maker"])
            for row in named.to_dict("records")
        }

    @property
    def models(self) -> tuple[CarModel, ...]:
        """The classes that can be answered, in order."""
        return tuple(self._models.values())

    @property
    def searches_words(self) -> bool:
        """Whether photos can be searched by words."""
        return self._queries is not None and self._queries.reads_words

    @property
    def card(self) -> str:
        """The ensemble's model card, Markdown without its YAML header."""
        from chajong.members.cards.card import card_body

        return card_body(self._classifier.ensemble.card)

    def recognise(self, photo: bytes, count: int) -> Recognition:
        """Name the car in a photo; see `CarService`."""
        prepared = prepare_new_photos(
            [GivenPhoto("photo", photo)], self._classifier.ensemble.store_settings
        )
        if not prepared.contents:
            raise UnreadablePhotoError(prepared.prepared[0].reason)
        answers, opinions = self._answered(
            self._classifier.asked(prepared.contents, prepared.store)
        )
        ranked = self._ranked(answers, count)
        if self._queries is None:
            return Recognition(ranked, (), (), opinions)
        query = self._queries.of_photo(photo)
        return Recognition(
            ranked,
            self._nearest(query, count),
            tuple(self._evidence(query, each) for each in ranked[:OPINIONS_SHOWN]),
            opinions,
        )

    def _answered(self, asked: PhotoAnswers) -> tuple[np.ndarray, tuple[MemberOpinion, ...]]:
        """Answer about one photo: log-probabilities [classes], and each member's opinion."""
        ensemble = self._classifier.ensemble
        with self._classifier.lock:
            answered = ensemble.log_probabilities(asked)[0]
            said = [
                MemberOpinion(member, weight, self._ranked(asked.of(member)[0], OPINIONS_SHOWN))
                for member, weight in zip(ensemble.members, ensemble.pool.weights, strict=True)
                if weight > 0
            ]
        return answered, tuple(sorted(said, key=lambda opinion: -opinion.weight))

    def _ranked(self, log_probabilities: np.ndarray, count: int) -> tuple[RankedModel, ...]:
        models = self.models
        order = np.argsort(-log_probabilities, kind="stable")[:count].tolist()
        return tuple(
            RankedModel(models[place], float(np.exp(log_probabilities[place]))) for place in order
        )

    def _evidence(self, query: np.ndarray, ranked: RankedModel) -> Evidence:
        nearest = self._nearest(query, 1, Filter(models=(ranked.model.name,)))
        return Evidence(ranked, nearest[0] if nearest else None)

    def _nearest(
        self, query: np.ndarray, count: int, wanted: Filter | None = None
    ) -> tuple[SimilarPhoto, ...]:
        if self._index is None:
            return ()
        found = nearest_photos(self._index, query, count, wanted or Filter())
        return tuple(self._shown(row) for row in found.to_dict("records"))

    def _shown(self, row: dict[Hashable, Any]) -> SimilarPhoto:
        assert self._index is not None
        jpeg = self._index.thumbnails.jpeg(str(row["sha256"]))
        return SimilarPhoto(
            photo_id=str(row["photo_id"]),
            model=self._models[str(row["class_name"])],
            distance=row["distance"],
            thumbnail=jpeg if self._change is None else self._change(jpeg),
        )

    def search(self, request: SearchRequest) -> tuple[SimilarPhoto, ...]:
        """Find known photos; see `CarService`."""
        if self._queries is None:
            raise RequestError("There are no known photos to search in.")
        if not request.words.strip() and request.photo is None:
            raise RequestError("Give words or a photo to search for.")
        wanted = Filter(
            makers=(request.maker,) if request.maker else (),
            models=(request.model,) if request.model else (),
            first_year=request.first_year,
            last_year=request.last_year,
        )
        try:
            query = self._query(request)
            return self._nearest(query, request.count, wanted)
        except SearchError as error:
            raise RequestError(str(error)) from error

    def _query(self, request: SearchRequest) -> np.ndarray:
        """Encode what is searched for, float32 [width]."""
        assert self._queries is not None
        if request.photo is None:
            return self._queries.of_words(request.words)
        photo = self._queries.of_photo(request.photo)
        if not request.words.strip():
            return photo
        words = self._queries.of_words(request.words)
        return self._queries.mixed(photo, words, request.photo_share)

    def confusions(self, model: str) -> tuple[Confusion, ...]:
        """List confusions; see `CarService`."""
        table = self._classifier.ensemble.confusions
        if model:
            table = table[(table["given"] == model) | (table["predicted"] == model)]
        return tuple(
            Confusion(
                self._models[row["given"]], self._models[row["predicted"]], row["photos"], row["of"]
            )
            for row in table.to_dict("records")
        )
