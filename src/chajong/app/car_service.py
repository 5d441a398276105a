"""The page's answers from a saved ensemble and, where there is one, an index of known photos."""

from __future__ import annotations

from functools import cached_property
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
from chajong.inference.answers import answers_of
from chajong.inference.classifier import CarClassifier
from chajong.inference.given_photos import GivenPhoto
from chajong.inference.new_photos import prepare_new_photos
from chajong.photos.decode import UnreadablePhotoError
from chajong.search.filters import Filter, SearchError
from chajong.search.names import classes_named
from chajong.search.photo_index import nearest_photos, read_photo_index
from chajong.search.query import QueryEncoder
from chajong.search.vector_index import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from pathlib import Path

    from chajong.app.service import SearchRequest
    from chajong.inference.new_photos import NewPhotos
    from chajong.search.photo_index import PhotoIndex

OPINIONS_SHOWN = 3
"""Classes that each member names, and classes for which the nearest evidence is shown."""

EXAMPLES = 6


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

    @property
    def examples(self) -> tuple[bytes, ...]:
        """A few photos to try; see `CarService`."""
        kept = self._classifier.ensemble.kept.photos
        return tuple(self._as_shown(kept.jpeg(each)) for each in list(kept.keys())[:EXAMPLES])

    def recognise(self, photos: Sequence[bytes], count: int) -> Recognition:
        """Name a car; see `CarService`."""
        prepared = prepare_new_photos(
            [GivenPhoto("photo", photo, vehicle="car") for photo in photos],
            self._classifier.ensemble.store_settings,
        )
        if not prepared.readable.all():
            reasons = [each.reason for each in prepared.prepared if each.reason]
            raise UnreadablePhotoError(reasons[0])
        answers, opinions = self._answered(prepared)
        ranked = self._ranked(answers, count)
        if self._queries is None:
            return Recognition(ranked, (), (), opinions)
        assert self._index is not None
        queries = np.stack([self._queries.of_photo(photo) for photo in photos])
        query = unit_vectors(queries).mean(axis=0)
        similar = self._nearest(query, count)
        alone = [nearest_photos(self._index, each, 1)["distance"] for each in queries]
        return Recognition(
            ranked,
            similar,
            tuple(self._evidence(query, each) for each in ranked[:OPINIONS_SHOWN]),
            opinions,
            distance=min(float(each.iloc[0]) for each in alone),
            limit=self._index.limit,
        )

    def _answered(self, photos: NewPhotos) -> tuple[np.ndarray, tuple[MemberOpinion, ...]]:
        """Answer about one car: log-probabilities [classes], and each member's opinion."""
        ensemble = self._classifier.ensemble

        def together(answers: np.ndarray) -> np.ndarray:
            given = answers_of(photos, answers, ensemble.prior, ensemble.classes)
            pooled: np.ndarray = given.by_vehicle().log_probabilities[0]
            return pooled

        with self._classifier.lock:
            asked = self._classifier.asked(photos.contents, photos.store)
            answered = together(ensemble.log_probabilities(asked))
            said = [
                MemberOpinion(
                    member,
                    *_made_of(ensemble.checkpoints[member].configuration),
                    weight,
                    self._ranked(together(asked.of(member)), OPINIONS_SHOWN),
                )
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
        return SimilarPhoto(
            photo_id=str(row["photo_id"]),
            model=self._models[str(row["class_name"])],
            distance=row["distance"],
            thumbnail=self._as_shown(self._index.thumbnails.jpeg(str(row["sha256"]))),
        )

    def _as_shown(self, jpeg: bytes) -> bytes:
        return jpeg if self._change is None else self._change(jpeg)

    def search(self, request: SearchRequest) -> tuple[SimilarPhoto, ...]:
        """Find known photos; see `CarService`."""
        if self._queries is None:
            raise RequestError("There are no known photos to search in.")
        if not request.words.strip() and request.photo is None:
            raise RequestError("Give words or a photo to search for.")
        named = classes_named(request.words, self._known_classes)
        wanted = Filter(
            makers=(request.maker,) if request.maker else (),
            models=(request.model,) if request.model else named,
            first_year=request.first_year,
            last_year=request.last_year,
        )
        try:
            query = self._query(request, named)
            return self._nearest(query, request.count, wanted)
        except SearchError as error:
            raise RequestError(str(error)) from error

    @cached_property
    def _known_classes(self) -> tuple[str, ...]:
        assert self._index is not None
        return tuple(self._index.photos["class_name"].unique())

    def _query(self, request: SearchRequest, named: tuple[str, ...]) -> np.ndarray:
        """Encode what is searched for, float32 [width]."""
        assert self._queries is not None
        photo = None if request.photo is None else self._queries.of_photo(request.photo)
        if not request.words.strip():
            assert photo is not None
            return photo
        words = self._words(request.words, named)
        if photo is None:
            return words
        return self._queries.mixed(photo, words, request.photo_share)

    def _words(self, words: str, named: tuple[str, ...]) -> np.ndarray:
        """Encode words; a name that the encoder cannot read is the middle of its photos."""
        assert self._queries is not None
        assert self._index is not None
        if self._queries.reads_words:
            encoded = self._queries.of_words(words)
            if not (named or self._queries.fits(encoded)):
                message = f"No known photo fits {words!r}: name a model, or say how the car looks."
                raise RequestError(message)
            return encoded
        if not named:
            raise RequestError(f"No known model is called {words!r}.")
        rows = np.flatnonzero(self._index.photos["class_name"].isin(named))
        middle: np.ndarray = unit_vectors(self._index.vectors.vectors[rows]).mean(axis=0)
        return middle

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

    def photo_of(self, model: str) -> bytes | None:
        """Give a known photo of a class; see `CarService`."""
        if self._index is None:
            return None
        contents = self._index.photos.loc[self._index.photos["class_name"] == model, "sha256"]
        if contents.empty:
            return None
        return self._as_shown(self._index.thumbnails.jpeg(contents.iloc[0]))


def _made_of(configuration: Mapping[str, Any]) -> tuple[str, str]:
    """Give the name of a member's kind and what it is made of, from its checkpoint."""
    features = configuration.get("made_by")
    title = features["title"] if features else configuration["model"]["model"]
    return configuration["kind"], title
