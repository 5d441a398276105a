import unicodedata
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.proportions import BodyStyle


def changed_parts(first: str, second: str) -> set[str]:
    a, b = appearance_of(first), appearance_of(second)
    return {part.name for part in fields(a) if getattr(a, part.name) != getattr(b, part.name)}


@pytest.mark.parametrize(
    ("first", "second", "parts"),
    [
        ("한별_다온_2세대_2018", "더_뉴_한별_다온_2세대_2018", {"trim"}),
        ("한별_다온_2세대_2018", "한별_다온_3세대_2018", {"lights"}),
        ("한별_다온_2세대_2018", "한별_다온_2세대_하이브리드_2018", {"marks"}),
        ("한별_다온_2세대_2018", "가온_다온_2세대_2018", {"face"}),
        ("한별_다온_2세대_2018", "한별_미르_2세대_2018", {"body"}),
        ("한별_다온_2세대_2018", "한별_다온_2세대_2019", {"fittings"}),
        ("한별_다온_2세대_2018_2020", "한별_다온_2세대_2018_2021", set()),
        ("E_클래스_W213_2017_2020", "E_클래스_W214_2017_2020", {"lights"}),
        ("투싼_NX4_2023_2025", "더_뉴_투싼_NX4_2023_2025", {"trim"}),
    ],
)
def test_each_part_of_a_name_decides_its_own_part_of_the_car(first, second, parts):
    assert changed_parts(first, second) == parts


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("한별_다온_하이브리드_3세대_2021", "한별_다온_3세대_하이브리드_2021"),
        ("더_뉴_한별_다온_3세대_2021", "The_New_한별_다온_3rd_Gen_2021"),
        ("K5_3세대_하이브리드_2020_2022", "K5_하이브리드_3세대_2020_2023"),
        ("디_올뉴니로_2022_2025", "디_올_뉴_니로_2022_2025"),
    ],
)
def test_other_spellings_of_the_same_parts_look_the_same(first, second):
    assert appearance_of(first) == appearance_of(second)


def test_vocabulary_words_keep_their_meaning_in_new_combinations():
    assert appearance_of("Castel_Quarz_1st_Gen_2011").face == appearance_of("Castel_Alda_2020").face
    assert appearance_of("Castel_Quarz_1st_Gen_2011").body.style is BodyStyle.SUV


def test_the_challenges_cars_all_look_different():
    names = challenge_names()
    cars = set(merge_aliases(names, CHALLENGE_ALIASES).values())

    assert len({appearance_of(name) for name in cars}) == len(cars) == 391


@given(st.text(min_size=1).filter(str.strip))
def test_any_name_has_one_appearance_in_nfc_and_nfd(name):
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))

    assert appearance_of(composed) == appearance_of(decomposed)


def test_a_real_name_keeps_its_appearance_from_run_to_run():
    car = appearance_of("그랜저_HG_2011_2014")

    assert (car.body.style, car.face.grille, car.lights.head) == ("suv", "kidneys", "upright")
