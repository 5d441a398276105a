"""What the page and its programming interface answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from chajong.app.rendering import preview, render
from chajong.app.service import RequestError, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.app.service import CarService, RankedModel, SimilarPhoto
    from chajong.app.work import Work
    from chajong.texts import Language

SHOWN_MODELS = 5


class Answers:
    """Answers of the page as HTML, and of its programming interface as JSON."""

    def __init__(self, service: CarService, read: Callable[[Path], bytes], work: Work) -> None:
        """Keep who answers.

        Args:
            service: Answers.
            read: Reads an upload, and refuses what is no photo.
            work: Runs what takes time.
        """
        self._service = service
        self._read = read
        self._work = work

    def show_recognition(self, path: str | None, language: Language) -> str:
        """Answer about an uploaded photo, as HTML."""
        if path is None:
            return ""

        def answer() -> str:
            photo = self._photo(path)
            found = self._service.recognise(photo, SHOWN_MODELS)
            return render(
                "recognition.html", found=found, preview=preview(photo), language=language
            )

        return self._shown("recognise", answer, language)

    def show_search(
        self,
        words: str,
        path: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float,
        language: Language,
    ) -> str:
        """Find known photos, as HTML."""

        def answer() -> str:
            request = self._request(
                words, path, photo_share, maker, model, first_year, last_year, count
            )
            return render("found.html", photos=self._service.search(request), language=language)

        return self._shown("search", answer, language)

    def show_confusions(self, model: str, language: Language) -> str:
        """Show what a model is taken for, as HTML."""
        confusions = self._service.confusions(model or "")
        return render("confusions.html", confusions=confusions, language=language)

    def _shown(self, action: str, answer: Callable[[], str], language: Language) -> str:
        try:
            return self._work(action, answer)
        except RequestError as error:
            return render("problem.html", reason=str(error), language=language)

    def _photo(self, path: str) -> bytes:
        return self._read(Path(path))

    def _request(
        self,
        words: str,
        path: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float,
    ) -> SearchRequest:
        return SearchRequest(
            words=words or "",
            photo=None if path is None else self._photo(path),
            photo_share=min(max(photo_share, 0.0), 1.0),
            maker=maker or "",
            model=model or "",
            first_year=_year(first_year),
            last_year=_year(last_year),
            count=min(max(int(count), 1), 100),
        )

    def recognise_json(self, photo: str | None, count: float = SHOWN_MODELS) -> dict[str, Any]:
        """Name the car in a photo.

        Returns:
            `models` (name, english, probability), `similar` (photo_id, name, english, distance),
            `evidence` (the nearest known photo of each leading model) and `opinions` (member,
            weight, models).
        """

        def answer() -> dict[str, Any]:
            if photo is None:
                raise RequestError("No photo was given.")
            found = self._service.recognise(self._photo(photo), min(max(int(count), 1), 100))
            return {
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

        told: dict[str, Any] = self._told("recognise", answer)
        return told

    def search_json(
        self,
        words: str,
        photo: str | None,
        photo_share: float,
        maker: str,
        model: str,
        first_year: str,
        last_year: str,
        count: float,
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
