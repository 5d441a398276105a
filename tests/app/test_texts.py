import re

import pytest

from chajong.app.texts import _REASONS_IN_KOREAN, TEXTS, reason_in
from chajong.members.registry import KINDS
from chajong.photos.texts import READING

REASONS = (
    "The file has 21.0 MB; 20 MB are allowed.",
    "The file is gone: give it again.",
    "The photo cannot be read: the file is damaged or cut off.",
    "The photo cannot be read: the file is damaged.",
    "The photo cannot be read: the file is empty.",
    "The photo cannot be read: not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file.",
    "The photo cannot be read: a camera's raw file: convert it to JPEG.",
    "The photo cannot be read: a HEIC photo: convert it to JPEG.",
    "The photo cannot be read: its pixels are of the kind LAB: convert it to JPEG.",
    "The photo cannot be read: 9000 x 9000 pixels, more than the limit of 50 megapixels.",
    "This took longer than 30 seconds: try again later.",
    "Something went wrong here; tell the operator this number: 1a2b3c4d.",
    "There are no known photos to search in.",
    "Give words or a photo to search for.",
    "'soon' is no year: give four digits, such as 2015.",
    "The years 2020 to 2010 are the wrong way round: give the earlier first.",
    "900 characters are too many to search for: 200 at most.",
    "The model reads none of these words: say it in another language.",
    "These words are too long for the model that reads them: use fewer.",
    "No known photo fits 'asdf': name a model, or say how the car looks.",
    "No known model is called 'asdf'.",
    "11 photos are too many for one answer: 10 at most.",
)


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_has_both_languages_and_the_same_places(name):
    korean, english = TEXTS[name]["ko"], TEXTS[name]["en"]
    assert korean
    assert english
    assert set(re.findall("{[a-z]+}", korean)) == set(re.findall("{[a-z]+}", english))


def test_every_kind_of_member_has_a_text():
    assert set(KINDS) <= set(TEXTS)


@pytest.mark.parametrize("reason", REASONS)
def test_refusals_are_said_in_korean(reason):
    korean = reason_in("ko", reason)
    assert re.search("[가-힣]", korean)
    assert not re.search("cannot|file|photo|words|longer|model|convert", korean)
    assert reason_in("en", reason) == reason


def test_every_translation_is_of_something_that_is_said():
    said = [*REASONS, *(reason.partition(": ")[2].removesuffix(".") for reason in REASONS)]
    for pattern in _REASONS_IN_KOREAN.keys() - READING.keys():
        assert any(re.fullmatch(pattern, each) for each in said), pattern


def test_what_nobody_translated_stays_english():
    assert reason_in("ko", "It rains.") == "It rains."
