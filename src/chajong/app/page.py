"""The page: recognise a photo, search among known ones, look at the confusions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from chajong.app.answers import SHOWN_MODELS, SHOWN_PHOTOS
from chajong.app.rendering import names, render
from chajong.app.texts import TEXTS, preferred_language, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chajong.app.answers import Answers, Shown
    from chajong.app.service import CarService
    from chajong.texts import Language

LANGUAGES = [("한국어", "ko"), ("English", "en")]

SET_LANGUAGE = """(language) => {
  document.documentElement.lang = language;
  return language;
}"""

HEAD = """<script>
async function useExample(button) {
  const photo = await (await fetch(button.querySelector("img").src)).blob();
  const carried = new DataTransfer();
  carried.items.add(new File([photo], "example.jpg", { type: "image/jpeg" }));
  const field = document.querySelector("#photo input[type=file]");
  field.files = carried.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
</script>"""
"""Lets a click on an example do what dropping it does."""


def build_page(service: CarService, answers: Answers, keep_seconds: int) -> gr.Blocks:
    """Lay out the page and its programming interface.

    Args:
        service: Says what can be answered.
        answers: Answers.
        keep_seconds: How long uploads are kept.
    """
    blocks: gr.Blocks = gr.Blocks(
        title="chajong", analytics_enabled=False, delete_cache=(keep_seconds, keep_seconds)
    )
    with blocks:
        with gr.Row(elem_id="header"):
            heading = gr.HTML(_heading("en"), elem_id="heading")
            language = gr.Radio(
                LANGUAGES,
                value="en",
                label="언어 / Language",
                interactive=True,
                container=False,
                elem_id="language",
            )
        labels: dict[str, list[Any]] = {}
        with gr.Tabs():
            _recognise_tab(answers, language, labels)
            _search_tab(answers, service, language, labels)
            _confusions_tab(answers, service, language, labels)
        with gr.Accordion(TEXTS["card"]["en"], open=False, elem_id="card") as card:
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
            file_count="multiple", label=TEXTS["photo"]["en"], elem_id="photo", height=140
        )
        answer = gr.HTML(answers.empty.drawn("en"), elem_id="answer", min_height=0)
        _answer(
            [photo.change],
            answers.recognition,
            [photo],
            (gr.State(answers.empty), answer, language),
            "recognising",
        )
    labels["recognise"], labels["photo"] = [tab], [photo]


def _answer(
    events: list[Any],
    ask: Callable[..., Shown],
    asked: list[Any],
    shown_in: tuple[Any, Any, Any],
    doing: str,
) -> None:
    """Answer in the language chosen, say so meanwhile, and let the answer follow the language.

    Args:
        events: What asks.
        ask: Answers.
        asked: Its arguments.
        shown_in: What keeps the answer, what shows it, and the language.
        doing: The name of what is said meanwhile.
    """
    kept, answer, language = shown_in

    def answered(language: Language, *given: Any) -> Iterator[tuple[Any, str]]:
        yield gr.skip(), render("loading.html", doing=doing, language=language)
        shown = ask(*given)
        yield shown, shown.drawn(language)

    gr.on(
        events,
        answered,
        [language, *asked],
        [kept, answer],
        api_visibility="private",
        show_progress="hidden",
    )
    language.change(
        lambda shown, language: "" if shown is None else shown.drawn(language),
        [kept, language],
        answer,
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )


def _search_tab(
    answers: Answers, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    hint = _hint(service)
    with gr.Tab(TEXTS["search"]["en"], id="search") as tab:
        words = gr.Textbox(
            label=TEXTS["words"]["en"],
            placeholder=TEXTS[hint]["en"],
            elem_id="words",
            submit_btn=False,
        )
        photo = gr.File(label=TEXTS["search_photo"]["en"], elem_id="search_photo", height=110)
        share = gr.Slider(0, 1, 0.5, step=0.05, label=TEXTS["photo_share"]["en"])
        with gr.Row():
            maker = gr.Dropdown(_makers(service, "en"), value="", label=TEXTS["maker"]["en"])
            model = gr.Dropdown(_models(service, "en"), value="", label=TEXTS["model"]["en"])
        with gr.Row():
            first = gr.Textbox(label=TEXTS["first_year"]["en"], max_length=4, min_width=90)
            last = gr.Textbox(label=TEXTS["last_year"]["en"], max_length=4, min_width=90)
            count = gr.Number(
                SHOWN_PHOTOS, label=TEXTS["count"]["en"], precision=0, minimum=1, min_width=90
            )
        find = gr.Button(TEXTS["find"]["en"], variant="primary", elem_id="find")
        _answer(
            [find.click, words.submit],
            answers.search,
            [words, photo, share, maker, model, first, last, count],
            (gr.State(), gr.HTML(elem_id="found", min_height=0), language),
            "searching",
        )
    labels |= {"search": [tab], "find": [find], "words": [words], "search_photo": [photo]}
    labels |= {"photo_share": [share], "first_year": [first], "last_year": [last]}
    labels |= {"maker": [maker], "model": [model], "count": [count]}


def _hint(service: CarService) -> str:
    return "words_hint" if service.searches_words else "names_hint"


def _confusions_tab(
    answers: Answers, service: CarService, language: Any, labels: dict[str, list[Any]]
) -> None:
    with gr.Tab(TEXTS["confusions"]["en"], id="confusions") as tab:
        model = gr.Dropdown(_models(service, "en"), value="", label=TEXTS["model"]["en"])
        pairs = gr.HTML(answers.show_confusions("", "en"), elem_id="confusions")
        gr.on(
            [model.change, language.change],
            answers.show_confusions,
            [model, language],
            [pairs],
            api_visibility="private",
            show_progress="hidden",
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
            elif name == "words":
                updates.append(gr.update(label=said, placeholder=text(_hint(service), chosen)))
            else:
                updates.append(gr.update(label=said))
        return updates

    def begin(request: gr.Request) -> str:
        return preferred_language(request.headers.get("accept-language", ""))

    outputs = [heading, *(part for _, part in labelled)]
    language.change(
        change,
        language,
        outputs,
        js=SET_LANGUAGE,
        api_visibility="private",
        queue=False,
        show_progress="hidden",
    )
    blocks.load(
        begin, None, language, api_visibility="private", queue=False, show_progress="hidden"
    )


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
