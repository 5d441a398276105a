"""The page in a real Chromium, on a real small ensemble.

With the environment variable CHAJONG_SCREENSHOTS the pictures of the docs are taken:
    CHAJONG_SCREENSHOTS=docs/images python -m pytest tests/app/test_page_in_browser.py
"""

import os
import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chajong.names.grammar import parse_name

pytestmark = pytest.mark.browser

WAIT = 30_000
RUBBISH = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"<html>rubbish"}


@pytest.fixture(scope="module")
def test_photo(small_run):
    """A test photo that the ensemble is sure of."""
    from chajong import CarClassifier  # noqa: F401 - the fixture's ensemble is this one's

    return small_run.path(small_run.test_photos()["photo_id"].iloc[0])


@pytest.fixture
def open_page(server, chromium):
    """Open the page in a fresh browser, and see that it asks nobody else and reports no error."""
    contexts = []

    def start(width=1100, height=900, locale="en-US"):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, device_scale_factor=1
        )
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.strangers, page.errors = [], []
        page.on("request", lambda request: page.strangers.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        contexts.append((context, page))
        page.goto(server.address)
        page.get_by_role("heading", level=1).wait_for()
        return page

    yield start
    for context, page in contexts:
        others = [url for url in page.strangers if not url.startswith((server.address, "data:"))]
        context.close()
        assert others == []
        assert page.errors == []


def drop(page, selector, name, data):
    """Drop a file on a part of the page, as a hand with a mouse does."""
    handle = page.evaluate_handle(
        """([data, name]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type: "image/jpeg" }));
            return carried;
        }""",
        [b64encode(data).decode(), name],
    )
    target = page.locator(f"{selector} button, {selector} [role=button]").first
    for event in ("dragenter", "dragover", "drop"):
        target.dispatch_event(event, {"dataTransfer": handle})


def picture(page, name):
    """Keep a picture for the docs, where one is asked for."""
    if folder := os.environ.get("CHAJONG_SCREENSHOTS"):
        page.wait_for_timeout(200)  # what moves has come to rest
        page.screenshot(path=Path(folder) / f"{name}.jpg", type="jpeg", quality=80, full_page=True)


def answer(page):
    found = page.locator("#answer .models li")
    found.first.wait_for()
    return found


def test_a_dropped_photo_is_named_with_reasons(open_page, test_photo, classifier):
    page = open_page()
    drop(page, "#photo", "차.jpg", test_photo.read_bytes())
    first = answer(page).first
    expected = classifier.predict(test_photo).iloc[0]
    assert expected["english"] in first.inner_text()
    assert f"{expected['probability']:.1%}" in first.inner_text()
    assert page.locator("#answer .cards figure").count() >= 5
    distances = re.findall(r"distance (\d\.\d\d)", page.locator("#answer").inner_text())
    assert len(distances) >= 5
    assert page.locator("#answer .members tbody tr").count() == 2
    assert page.locator("#answer .previews img").evaluate("image => image.naturalWidth") > 0
    picture(page, "app_recognise")


def test_the_page_follows_the_browsers_language_and_the_switch(open_page, test_photo, classifier):
    page = open_page(locale="ko-KR")
    page.get_by_role("heading", name="차종 인식").wait_for()
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    best = classifier.predict(test_photo).iloc[0]
    name = parse_name(best["class_name"]).stem.replace("_", " ")
    assert name in answer(page).first.inner_text()
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.get_by_label("English").check()
    page.get_by_role("heading", name="Which car is this?").wait_for()
    page.locator("#answer .answer[lang=en]").wait_for()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert best["english"] in answer(page).first.locator("b").inner_text()
    assert page.get_by_role("heading", name="Similar photos").is_visible()


def test_a_refusal_that_is_shown_follows_the_switch(open_page):
    page = open_page(locale="ko-KR")
    page.get_by_role("heading", name="차종 인식").wait_for()
    page.locator("#photo input[type=file]").set_input_files(RUBBISH)
    page.get_by_role("alert").filter(has_text="사진을 읽을 수 없습니다").wait_for()
    page.get_by_label("English").check()
    page.get_by_role("alert").filter(has_text="The photo cannot be read").wait_for()


def test_words_find_photos_at_enter(open_page, classifier):
    page = open_page()
    page.get_by_role("tab", name="Search").click()
    words = page.locator("#words textarea, #words input").first
    words.fill(classifier.class_names[0].replace("_", " "))
    words.press("Enter")
    page.locator("#found .cards figure").first.wait_for()
    assert page.locator("#found .cards figure").count() == 12
    picture(page, "app_search")


def test_rubbish_gets_a_plain_message_and_the_page_goes_on(open_page, test_photo):
    page = open_page()
    page.locator("#photo input[type=file]").set_input_files(RUBBISH)
    alert = page.get_by_role("alert").filter(has_text="cannot be read")
    alert.wait_for()
    assert "not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file" in alert.inner_text()
    page.locator("#photo").get_by_label("Clear").click()
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    answer(page)


def test_a_photo_is_read_whatever_its_name_ends_in(open_page, test_photo):
    page = open_page()
    file = {"name": "차.txt", "mimeType": "text/plain", "buffer": test_photo.read_bytes()}
    page.locator("#photo input[type=file]").set_input_files(file)
    answer(page)


def test_an_example_is_answered_by_a_click(open_page):
    page = open_page()
    page.locator(".examples button").first.click()
    answer(page)


def test_an_empty_number_asks_for_as_many_as_usual(open_page, classifier):
    page = open_page()
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Results").fill("")
    page.locator("#words textarea, #words input").first.fill(classifier.class_names[0])
    page.locator("#find").click()
    page.locator("#found .cards figure").first.wait_for()
    assert page.locator("#found .cards figure").count() == 12


STATES = {
    "empty": lambda page, photos: page.locator(".examples").wait_for(),
    "answer": lambda page, photos: upload(page, photos[0], ".models"),
    "several": lambda page, photos: upload(page, photos, ".previews.several"),
    "unknown": lambda page, photos: upload(page, noise(), ".unknown"),
    "refused": lambda page, photos: upload(page, RUBBISH, ".problem"),
    "found": lambda page, photos: search(page, "K5", ".cards"),
    "nothing": lambda page, photos: search(page, "qzxv", ".problem"),
    "confusions": lambda page, photos: open_tab(page, 2, "#confusions li"),
}
"""By name: what brings the page into the state, from its beginning, in whatever language."""


def upload(page, photos, shown):
    page.locator("#photo input[type=file]").set_input_files(photos)
    page.locator(f"#answer {shown}").first.wait_for()


def search(page, words, shown):
    open_tab(page, 1, "#words")
    field = page.locator("#words textarea, #words input").first
    field.fill(words)
    field.press("Enter")
    page.locator(f"#found {shown}").first.wait_for()


def open_tab(page, place, shown):
    page.get_by_role("tab").nth(place).click()
    page.locator(shown).first.wait_for()


def noise():
    pixels = np.random.default_rng(0).integers(256, size=(300, 400, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": file.getvalue()}


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize(("locale", "title"), [("en-US", "Which car"), ("ko-KR", "차종 인식")])
def test_every_state_has_one_width_and_can_be_used_by_everyone(
    open_page, small_run, width, locale, title
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    photos = [small_run.path(each) for each in small_run.test_photos()["photo_id"][:2]]
    widths, serious = {}, {}
    page = open_page(width=width, locale=locale)
    for name, enter in STATES.items():
        page.reload()
        page.get_by_role("heading", level=1).filter(has_text=title).wait_for()
        enter(page, photos)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        widths[name] = page.evaluate("document.querySelector('main').clientWidth")
        serious[name] = [
            (each["id"], [node["html"] for node in each["nodes"]])
            for each in axe.run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        picture(page, f"states/{name}_{locale[:2]}_{width}")
    assert len(set(widths.values())) == 1, widths
    assert {name: found for name, found in serious.items() if found} == {}


def test_a_narrow_screen_shows_everything_in_one_column(open_page, test_photo):
    page = open_page(width=360, height=740)
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    answer(page)
    for tab in ("Recognise", "Search", "Look-alikes"):
        choose_tab(page, tab)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, tab
        if tab == "Recognise":
            picture(page, "app_phone")


def choose_tab(page, name):
    """Open a tab; on a narrow screen some are behind a button."""
    tab = page.get_by_role("tab", name=name)
    if not tab.is_visible():
        page.locator(".overflow-menu button").first.click()
        tab = page.get_by_role("button", name=name)
    tab.click()


def test_confusions_are_browsed(open_page):
    page = open_page()
    page.get_by_role("tab", name="Look-alikes").click()
    first = page.locator("#confusions li").first
    first.wait_for()
    assert "%" in first.inner_text()
    assert first.locator("img").count() == 2


def test_the_keyboard_alone_reaches_words_and_their_answer(open_page):
    page = open_page()
    reached = False
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.getAttribute('role')")
        if focused == "tab":
            page.keyboard.press("ArrowRight")
            if page.evaluate("document.activeElement.innerText.trim()") != "Search":
                continue
            page.keyboard.press("Enter")
            reached = True
            break
    assert reached
    page.locator("#words textarea, #words input").first.wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#words') !== null"):
            break
    page.keyboard.type("쏘나타")
    page.keyboard.press("Enter")
    page.locator("#found .cards figure").first.wait_for()


def test_every_field_has_a_label(open_page):
    page = open_page()
    page.get_by_role("tab", name="Search").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("input, textarea")]
            .filter((field) => field.offsetParent && field.type !== "file")
            .filter((field) => !field.labels?.length && !field.ariaLabel
                && !field.getAttribute("aria-labelledby"))
            .map((field) => field.outerHTML)"""
    )
    assert nameless == []


def test_the_page_holds_no_path_of_the_machine(open_page, test_photo, saved_ensemble):
    page = open_page()
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    answer(page)
    content = page.content()
    assert str(saved_ensemble.parent) not in content
    assert "/tmp/" not in content
    assert str(Path.cwd()) not in content
