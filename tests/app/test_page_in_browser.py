"""The page in a real Chromium, on a real small ensemble.

With the environment variable CHAJONG_SCREENSHOTS the pictures of the docs are taken:
    CHAJONG_SCREENSHOTS=docs/images python -m pytest tests/app/test_page_in_browser.py
"""

import os
import re
from base64 import b64encode
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

WAIT = 30_000


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
    assert page.locator("#answer .preview img").evaluate("image => image.naturalWidth") > 0
    picture(page, "app_recognise")


def test_the_page_follows_the_browsers_language_and_the_switch(open_page, test_photo, classifier):
    page = open_page(locale="ko-KR")
    page.get_by_role("heading", name="차종 알아보기").wait_for()
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    name = classifier.predict(test_photo).iloc[0]["class_name"].replace("_", " ")
    assert name in answer(page).first.inner_text()
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.get_by_label("English").check()
    page.get_by_role("heading", name="Which car is this?").wait_for()
    assert page.evaluate("document.documentElement.lang") == "en"


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
    field = page.locator("#photo input[type=file]")
    field.set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"<html>rubbish"})
    alert = page.get_by_role("alert").filter(has_text="cannot be read")
    alert.wait_for()
    assert "not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file" in alert.inner_text()
    page.locator("#photo").get_by_label("Clear").click()
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    answer(page)


def test_a_narrow_screen_shows_everything_in_one_column(open_page, test_photo):
    page = open_page(width=360, height=740)
    page.locator("#photo input[type=file]").set_input_files(test_photo)
    answer(page)
    for tab in ("Recognise", "Search", "Confusions"):
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
    page.get_by_role("tab", name="Confusions").click()
    page.locator("#confusions tbody tr").first.wait_for()
    assert "%" in page.locator("#confusions tbody tr").first.inner_text()


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
