"""The page: recognise a photo, search among known ones, look at the confusions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from chajong.app.rendering import (
    cards_html,
    confusions_html,
    names,
    preview_html,
    problem_html,
    recognition_html,
)
from chajong.app.service import RequestError, SearchRequest
from chajong.app.texts import TEXTS, preferred_language, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chajong.app.service import CarService, RankedModel, SimilarPhoto
    from chajong.app.texts import Language
    from chajong.app.work import Work

SHOWN_MODELS = 5
SHOWN_PHOTOS = 12
LANGUAGES = [("한국어", "ko"), ("English", "en")]
SUFFIXES = [".jpg", ".jpeg", ".png", ".webp", ".bmp"]

SET_LANGUAGE = "(language) => { document.documentElement.lang = language; return language }"


class Page:
    """Answers of the page and of its programming interface."""

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
            return recognition_html(found, preview_html(photo, language), language)

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
            return cards_html(self._service.search(request), language)

        return self._shown("search", answer, language)

    def show_confusions(self, model: str, language: Language) -> str:
        """Show what a model is taken for, as HTML."""
        return confusions_html(self._service.confusions(model or ""), language)

    def _shown(self, action: str, answer: Callable[[], str], language: Language) -> str:
        try:
            return self._work(action, answer)
        except RequestError as error:
            return problem_html(text("problem", language) + str(error), language)

    def _photo(self, path: str) -> bytes:
        from pathlib import Path

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


def build_page(
    service: CarService, read: Callable[[Path], bytes], work: Work, keep_seconds: int
) -> gr.Blocks:
    """Lay out the page and its programming interface.

    Args:
        service: Answers.
        read: Reads an upload, and refuses what is no photo.
        work: Runs what takes time.
        keep_seconds: How long uploads are kept.
    """
    page = Page(service, read, work)
    blocks: gr.Blocks = gr.Blocks(
        title="chajong", analytics_enabled=False, delete_cache=(keep_seconds, keep_seconds)
    )
    with blocks:
        language = gr.Radio(LANGUAGES, value="en", label="언어 / Language", interactive=True)
        heading = gr.HTML(_heading("en"))
        labels: dict[str, list[Any]] = {}
        with gr.Tabs():
            _recognise_tab(page, language, labels)
            _search_tab(page, service, language, labels)
            _confusions_tab(page, service, language, labels)
        with gr.Accordion(TEXTS["card"]["en"], open=False) as card:
            gr.Markdown(service.card)
        labels["card"] = [card]
        _switch(blocks, language, heading, labels, service)
        _interface(page)
    return blocks


def _heading(language: Language) -> str:
    return f"<h1>{text('title', language)}</h1><p>{text('introduction', language)}</p>"


def _recognise_tab(page: Page, language: Any, labels: dict[str, list[Any]]) -> None:
    with gr.Tab(TEXTS["recognise"]["en"], id="recognise") as tab:
        photo = gr.File(
            file_types=SUFFIXES, label=TEXTS["photo"]["en"], elem_id="photo", height=140
        )
        answer = gr.HTML(elem_id="answer", min_height=0)
        photo.upload(page.show_recognition, [photo, language], answer, api_visibility="private")
        photo.clear(lambda: "", None, answer, api_visibility="private")
    labels["recognise"], labels["photo"] = [tab], [photo]


def _search_tab(
    page: Page, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    with gr.Tab(TEXTS["search"]["en"], id="search") as tab:
        words = gr.Textbox(
            label=TEXTS["words" if service.searches_words else "no_words"]["en"],
            interactive=service.searches_words,
            elem_id="words",
            submit_btn=False,
        )
        photo = gr.File(
            file_types=SUFFIXES, label=TEXTS["photo"]["en"], elem_id="search_photo", height=110
        )
        share = gr.Slider(0, 1, 0.5, step=0.05, label=TEXTS["photo_share"]["en"])
        with gr.Row():
            maker = gr.Dropdown(_makers(service, "en"), value="", label=TEXTS["maker"]["en"])
            model = gr.Dropdown(_models(service, "en"), value="", label=TEXTS["model"]["en"])
        with gr.Row():
            first = gr.Textbox(label=TEXTS["first_year"]["en"], max_length=4)
            last = gr.Textbox(label=TEXTS["last_year"]["en"], max_length=4)
            count = gr.Number(SHOWN_PHOTOS, label=TEXTS["count"]["en"], precision=0, minimum=1)
        find = gr.Button(TEXTS["find"]["en"], variant="primary", elem_id="find")
        answer = gr.HTML(elem_id="found", min_height=0)
        asked = [words, photo, share, maker, model, first, last, count, language]
        gr.on(
            [find.click, words.submit], page.show_search, asked, [answer], api_visibility="private"
        )
    labels["search"], labels["find"] = [tab], [find]
    labels["words" if service.searches_words else "no_words"] = [words]
    labels["photo"].append(photo)
    labels |= {"photo_share": [share], "first_year": [first], "last_year": [last]}
    labels |= {"maker": [maker], "model": [model], "count": [count]}


def _confusions_tab(
    page: Page, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    with gr.Tab(TEXTS["confusions"]["en"], id="confusions") as tab:
        model = gr.Dropdown(_models(service, "en"), value="", label=TEXTS["model"]["en"])
        table = gr.HTML(page.show_confusions("", "en"), elem_id="confusions")
        gr.on(
            [model.change, language.change],
            page.show_confusions,
            [model, language],
            [table],
            api_visibility="private",
        )
    labels["confusions"] = [tab]
    labels["model"].append(model)


def _makers(service: CarService, language: Language) -> list[tuple[str, str]]:
    makers = sorted({model.maker for model in service.models if model.maker})
    return [(text("all", language), ""), *((maker, maker) for maker in makers)]


def _models(service: CarService, language: Language) -> list[tuple[str, str]]:
    named = [(names(model, language)[0], model.name) for model in service.models]
    return [(text("all", language), ""), *named]


def _switch(
    blocks: gr.Blocks,
    language: Any,
    heading: Any,
    labels: dict[str, list[Any]],
    service: CarService,
) -> None:
    """Let everything follow the language, which begins as the browser's."""
    labelled = [(name, part) for name, parts in labels.items() for part in parts]

    def change(chosen: Language) -> list[Any]:
        updates: list[Any] = [_heading(chosen)]
        for name, part in labelled:
            said = text(name, chosen)
            if isinstance(part, gr.Button):
                updates.append(gr.update(value=said))
            elif name in ("maker", "model"):
                choices = (_makers if name == "maker" else _models)(service, chosen)
                updates.append(gr.update(label=said, choices=choices))
            else:
                updates.append(gr.update(label=said))
        return updates

    def begin(request: gr.Request) -> str:
        return preferred_language(request.headers.get("accept-language", ""))

    outputs = [heading, *(part for _, part in labelled)]
    language.change(
        change, language, outputs, js=SET_LANGUAGE, api_visibility="private", queue=False
    )
    blocks.load(begin, None, language, api_visibility="private", queue=False)


def _interface(page: Page) -> None:
    """Give the programming interface: three endpoints that answer with JSON."""
    with gr.Row(visible=False):
        photo, words = gr.File(label="photo", type="filepath"), gr.Textbox(label="words")
        share, count = gr.Number(0.5, label="photo_share"), gr.Number(SHOWN_MODELS, label="count")
        maker, model = gr.Textbox(label="maker"), gr.Textbox(label="model")
        first, last = gr.Textbox(label="first_year"), gr.Textbox(label="last_year")
        answer, ask = gr.JSON(label="answer"), gr.Button()
        ask.click(page.recognise_json, [photo, count], answer, api_name="recognise")
        asked = [words, photo, share, maker, model, first, last, count]
        ask.click(page.search_json, asked, answer, api_name="search")
        ask.click(page.confusions_json, [model], answer, api_name="confusions")
