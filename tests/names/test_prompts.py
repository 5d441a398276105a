from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from chajong.names.challenge import challenge_names
from chajong.names.grammar import ParsedName, parse_name
from chajong.names.prompts import english_prompts, korean_prompts

OTHER_NAMES = ["organic bananas", "house_sparrow", "AM General Hummer SUV 2000", "사과", "7up"]
PARSED = [parse_name(name) for name in [*challenge_names(), *OTHER_NAMES]]


@pytest.mark.parametrize("prompts_of", [korean_prompts, english_prompts])
class TestAllNames:
    def test_a_handful_of_sentences_that_differ(
        self, prompts_of: Callable[[ParsedName], list[str]]
    ) -> None:
        for prompts in map(prompts_of, PARSED):
            assert 3 <= len(set(prompts)) == len(prompts) <= 5

    def test_no_gap_is_left_open(self, prompts_of: Callable[[ParsedName], list[str]]) -> None:
        for prompt in (prompt for parsed in PARSED for prompt in prompts_of(parsed)):
            assert " ".join(prompt.replace("_", " ").split()) == prompt
            assert "None" not in prompt
            assert " ," not in prompt

    def test_no_word_is_said_twice(self, prompts_of: Callable[[ParsedName], list[str]]) -> None:
        for prompt in (prompt for parsed in PARSED for prompt in prompts_of(parsed)):
            words = Counter(prompt.replace(" model year", "").replace(",", "").casefold().split())
            repeated = {word for word, count in words.items() if count > 1}
            assert repeated <= {"a", "an", "of"}, prompt


def test_korean_sentences_about_a_car() -> None:
    assert korean_prompts(parse_name("더_뉴_그랜저_IG_2020_2023")) == [
        "현대 더 뉴 그랜저 IG 자동차 사진",
        "현대 더 뉴 그랜저 IG의 외관",
        "중고차 매물로 나온 현대 더 뉴 그랜저 IG",
        "2020~2023년식 현대 더 뉴 그랜저 IG",
    ]


def test_english_sentences_about_a_car() -> None:
    assert english_prompts(parse_name("아이오닉5_2022_2023")) == [
        "a photo of a Hyundai Ioniq 5, 2022-2023 model year",
        "a photo of a Hyundai Ioniq 5, a type of electric car",
        "an exterior view of a Hyundai Ioniq 5",
    ]


def test_a_single_year_is_said_once() -> None:
    parsed = parse_name("XM3_2024")
    assert "2024년식 르노삼성 XM3" in korean_prompts(parsed)
    assert "a photo of a Renault Samsung XM3, 2024 model year" in english_prompts(parsed)


def test_articles_follow_the_sound() -> None:
    assert english_prompts(parse_name("A4_B9_2016_2019"))[0].startswith("a photo of an Audi A4")
    the_new = english_prompts(parse_name("The_New_Aurion_2020"))
    assert the_new[0] == "a photo of The New Aurion, 2020 model year"


def test_the_maker_is_not_repeated() -> None:
    evoque = english_prompts(parse_name("레인지로버_이보크_2016_2019"))
    assert evoque[-1] == "an exterior view of a Range Rover Evoque"
    assert (
        korean_prompts(parse_name("더_기아_레이_EV_2024_2025"))[0] == "더 기아 레이 EV 자동차 사진"
    )


def test_other_kinds_are_not_called_cars() -> None:
    parsed = parse_name("house_sparrow")
    assert "a photo of house sparrow" in english_prompts(parsed)
    assert "house sparrow 사진" in korean_prompts(parsed)
    assert not any("car" in prompt for prompt in english_prompts(parsed))
    assert not any("차" in prompt for prompt in korean_prompts(parsed))
