"""The page: recognise a photo, search among known ones, look at the confusions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from chajong.app.answers import SHOWN_MODELS, Answers
from chajong.app.rendering import names, render
from chajong.app.texts import TEXTS, preferred_language, text
from chajong.photos.formats import PHOTO_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chajong.app.service import CarService
    from chajong.app.work import Work
    from chajong.texts import Language

SHOWN_PHOTOS = 12
LANGUAGES = [("한국어", "ko"), ("English", "en")]

SET_LANGUAGE = "(language) => { document.documentElement.lang = language; return language }"


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
    answers = Answers(service, read, work)
    blocks: gr.Blocks = gr.Blocks(
        title="chajong", analytics_enabled=False, delete_cache=(keep_seconds, keep_seconds)
    )
    with blocks:
        language = gr.Radio(LANGUAGES, value="en", label="언어 / Language", interactive=True)
        heading = gr.HTML(_heading("en"))
        labels: dict[str, list[Any]] = {}
        with gr.Tabs():
            _recognise_tab(answers, language, labels)
            _search_tab(answers, service, language, labels)
            _confusions_tab(answers, service, language, labels)
        with gr.Accordion(TEXTS["card"]["en"], open=False) as card:
            gr.Markdown(service.card)
        labels["card"] = [card]
        _switch(blocks, language, heading, labels, service)
        _interface(answers)
    return blocks


def _heading(language: Language) -> str:
    return render("heading.html", language=language)


def _recognise_tab(answers: Answers, language: Any, labels: dict[str, list[Any]]) -> None:
    with gr.Tab(TEXTS["recognise"]["en"], id="recognise") as tab:
        photo = gr.File(
            file_types=list(PHOTO_ENDINGS), label=TEXTS["photo"]["en"], elem_id="photo", height=140
        )
        answer = gr.HTML(elem_id="answer", min_height=0)
        photo.upload(answers.show_recognition, [photo, language], answer, api_visibility="private")
        photo.clear(lambda: "", None, answer, api_visibility="private")
    labels["recognise"], labels["photo"] = [tab], [photo]


def _search_tab(
    answers: Answers, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    with gr.Tab(TEXTS["search"]["en"], id="search") as tab:
        words = gr.Textbox(
            label=TEXTS["words" if service.searches_words else "no_words"]["en"],
            interactive=service.searches_words,
            elem_id="words",
            submit_btn=False,
        )
        photo = gr.File(
            file_types=list(PHOTO_ENDINGS),
            label=TEXTS["photo"]["en"],
            elem_id="search_photo",
            height=110,
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
            [find.click, words.submit],
            answers.show_search,
            asked,
            [answer],
            api_visibility="private",
        )
    labels["search"], labels["find"] = [tab], [find]
    labels["words" if service.searches_words else "no_words"] = [words]
    labels["photo"].append(photo)
    labels |= {"photo_share": [share], "first_year": [first], "last_year": [last]}
    labels |= {"maker": [maker], "model": [model], "count": [count]}


def _confusions_tab(
    answers: Answers, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    with gr.Tab(TEXTS["confusions"]["en"], id="confusions") as tab:
        model = gr.Dropdown(_models(service, "en"), value="", label=TEXTS["model"]["en"])
        table = gr.HTML(answers.show_confusions("", "en"), elem_id="confusions")
        gr.on(
            [model.change, language.change],
            answers.show_confusions,
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


def _interface(answers: Answers) -> None:
    """Give the programming interface: three endpoints that answer with JSON."""
    with gr.Row(visible=False):
        photo, words = gr.File(label="photo", type="filepath"), gr.Textbox(label="words")
        share, count = gr.Number(0.5, label="photo_share"), gr.Number(SHOWN_MODELS, label="count")
        maker, model = gr.Textbox(label="maker"), gr.Textbox(label="model")
        first, last = gr.Textbox(label="first_year"), gr.Textbox(label="last_year")
        answer, ask = gr.JSON(label="answer"), gr.Button()
        ask.click(answers.recognise_json, [photo, count], answer, api_name="recognise")
        asked = [words, photo, share, maker, model, first, last, count]
        ask.click(answers.search_json, asked, answer, api_name="search")
        ask.click(answers.confusions_json, [model], answer, api_name="confusions")
