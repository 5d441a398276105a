"""What the page and its programming interface answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from chajong.app.rendering import preview, render
from chajong.app.service import RequestError, SearchRequest
from chajong.app.uploads import check_photo, read_upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.app.service import CarService, RankedModel, SimilarPhoto
    from chajong.app.settings import AppSettings
    from chajong.app.work import Work
    from chajong.texts import Language

SHOWN_MODELS = 5
SHOWN_PHOTOS = 12
SHOWN_CONFUSIONS = 40
MOST_PHOTOS = 10
"""Photos of one car."""


@dataclass(frozen=True, eq=False)
class Shown:
    """An answer or a refusal, to be drawn in any language.

    Attributes:
        template: The template that draws it.
        values: What the template names.
    """

    template: str
    values: dict[str, Any]

    def drawn(self, language: Language) -> str:
        """Draw it as HTML."""
        return render(self.template, language=language, **self.values)


class Answers:
    """Answers for the page, and as JSON for its programming interfaces."""

    def __init__(self, service: CarService, settings: AppSettings, work: Work) -> None:
        """Keep who answers.

        Args:
            service: Answers.
            settings: What uploads are allowed.
            work: Runs what takes time.
        """
        self._service = service
        self._settings = settings
        self._work = work
        self.empty = Shown("examples.html", {"examples": service.examples})

    def recognition(self, paths: list[str] | None) -> Shown:
        """Answer about uploaded photos of one car; without one there are examples."""
        if not paths:
            return self.empty

        def answer() -> Shown:
            photos = self._photos(paths)
            found = self._service.recognise(photos, SHOWN_MODELS)
            previews = [preview(photo) for photo in photos]
            return Shown("recognition.html", {"found": found, "previews": previews})

        return self._shown("recognise", answer)

    def search(
        self,
        words: str,
        path: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float | None,
    ) -> Shown:
        """Find known photos."""

        def answer() -> Shown:
            request = self._request(
                words, path, photo_share, maker, model, first_year, last_year, count
            )
            return Shown("found.html", {"photos": self._service.search(request)})

        return self._shown("search", answer)

    def show_confusions(self, model: str, language: Language) -> str:
        """Show what a model is taken for, as HTML."""
        confusions = self._service.confusions(model or "")[:SHOWN_CONFUSIONS]
        named = {each.name for pair in confusions for each in (pair.given, pair.predicted)}
        photos = {name: self._service.photo_of(name) for name in named}
        return render("confusions.html", confusions=confusions, photos=photos, language=language)

    def _shown(self, action: str, answer: Callable[[], Shown]) -> Shown:
        try:
            return self._work(action, answer)
        except RequestError as error:
            return Shown("problem.html", {"reason": str(error)})

    def _photos(self, paths: list[str]) -> list[bytes]:
        if len(paths) > MOST_PHOTOS:
            raise too_many(len(paths))
        return [read_upload(Path(path), self._settings) for path in paths]

    def _request(
        self,
        words: str,
        path: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float | None,
    ) -> SearchRequest:
        return SearchRequest(
            words=words or "",
            photo=None if path is None else self._photos([path])[0],
            photo_share=min(max(photo_share, 0.0), 1.0),
            maker=maker or "",
            model=model or "",
            first_year=_year(first_year),
            last_year=_year(last_year),
            count=_counted(count, SHOWN_PHOTOS),
        )

    def recognise_json(
        self, photo: str | None, count: float | None = SHOWN_MODELS
    ) -> dict[str, Any]:
        """Name the car in a photo; see `recognised`."""

        def answer() -> dict[str, Any]:
            if photo is None:
                raise RequestError("No photo was given.")
            return self._recognised(self._photos([photo]), count)

        told: dict[str, Any] = self._told("recognise", answer)
        return told

    def recognised(self, photos: list[bytes], count: int) -> dict[str, Any]:
        """Name the car in one or more photos.

        Returns:
            `known` (whether it is near enough to a known car; null without an index), `distance`
            and `limit` of that, `models` (name, english, probability), `similar` (photo_id, name,
            english, distance), `evidence` (the nearest known photo of each leading model) and
            `opinions` (member, weight, models).

        Raises:
            RequestError: They cannot be answered.
        """

        def answer() -> dict[str, Any]:
            if len(photos) > MOST_PHOTOS:
                raise too_many(len(photos))
            for photo in photos:
                check_photo(photo, self._settings)
            return self._recognised(photos, count)

        return self._work("recognise", answer)

    def _recognised(self, photos: list[bytes], count: float | None) -> dict[str, Any]:
        found = self._service.recognise(photos, _counted(count, SHOWN_MODELS))
        return {
            "known": found.is_known,
            "distance": found.distance,
            "limit": found.limit,
            "models": [_ranked(each) for each in found.models],
            "similar": [_similar(each) for each in found.similar],
            "evidence": [
                {**_ranked(each.ranked), "nearest": each.nearest and _similar(each.nearest)}
                for each in found.evidence
            ],
            "opinions": [
                {
                    "member": each.member,
                    "weight": each.weight,
                    "models": [_ranked(model) for model in each.models],
                }
                for each in found.opinions
            ],
        }

    def search_json(
        self,
        words: str,
        photo: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float | None,
    ) -> list[dict[str, Any]]:
        """Find known photos: photo_id, name, english and distance of each, the nearest first."""

        def answer() -> list[dict[str, Any]]:
            request = self._request(
                words, photo, photo_share, maker, model, first_year, last_year, count
            )
            return [_similar(each) for each in self._service.search(request)]

        told: list[dict[str, Any]] = self._told("search", answer)
        return told

    def confusions_json(self, model: str) -> list[dict[str, Any]]:
        """List confusions: given, predicted, photos, of; of one model or of all."""
        return [
            {
                "given": each.given.name,
                "predicted": each.predicted.name,
                "photos": each.photos,
                "of": each.of,
            }
            for each in self._service.confusions(model or "")
        ]

    def _told(self, action: str, answer: Callable[[], Any]) -> Any:
        try:
            return self._work(action, answer)
        except RequestError as error:
            raise gr.Error(str(error), print_exception=False) from error


def too_many(photos: int) -> RequestError:
    """Word the refusal of more than `MOST_PHOTOS`."""
    message = f"{photos} photos are too many for one answer: {MOST_PHOTOS} at most."
    return RequestError(message, 413)


def _counted(given: float | None, usual: int) -> int:
    """Read how many results are wanted; a field that is left empty asks for as many as usual."""
    return usual if given is None else min(max(int(given), 1), 100)


def _year(given: str | None) -> int | None:
    """Read a year; a field that is left empty asks for none.

    Raises:
        RequestError: It is no year.
    """
    text = (given or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise RequestError(f"{text!r} is no year: give four digits, such as 2015.")
    return int(text)


def _ranked(ranked: RankedModel) -> dict[str, Any]:
    model = ranked.model
    return {"name": model.name, "english": model.english, "probability": ranked.probability}


def _similar(photo: SimilarPhoto) -> dict[str, Any]:
    return {
        "photo_id": photo.photo_id,
        "name": photo.model.name,
        "english": photo.model.english,
        "distance": photo.distance,
    }
