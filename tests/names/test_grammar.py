from __future__ import annotations

import csv
import unicodedata
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.names.aliases import CHALLENGE_ALIASES
from chajong.names.challenge import challenge_names
from chajong.names.grammar import ParsedName, parse_name
from chajong.names.lexicon import lexicon

TABLE = Path(__file__).parent / "parsed_names.csv"
FIELDS = (
    *("base", "generation", "facelift", "powertrain"),
    *("first_year", "last_year", "maker", "english"),
)


def fields(name: str) -> dict[str, object]:
    """The stated parts of a name, without those that only repeat its spelling."""
    parsed = asdict(parse_name(name))
    return {key: parsed[key] for key in FIELDS if parsed[key] is not None}


class TestChallengeNames:
    def test_all_parts_of_all_names_match_the_table_read_by_eye(self) -> None:
        with TABLE.open(encoding="utf-8", newline="") as file:
            expected = list(csv.DictReader(file))
        assert [row["name"] for row in expected] == challenge_names()
        parsed = [asdict(parse_name(row["name"])) for row in expected]
        actual = [
            {key: "" if part[key] is None else str(part[key]) for key in ("name", *FIELDS)}
            for part in parsed
        ]
        wrong = [(a, e) for a, e in zip(actual, expected, strict=True) if a != e]
        assert wrong == []

    def test_352_stems_of_which_42_have_several_year_ranges(self) -> None:
        ranges = defaultdict(set)
        for name in challenge_names():
            parsed = parse_name(name)
            ranges[parsed.stem].add((parsed.first_year, parsed.last_year))
        assert len(ranges) == 352
        assert sum(len(years) > 1 for years in ranges.values()) == 42

    def test_the_name_is_its_stem_and_its_years(self) -> None:
        for name in challenge_names():
            parsed = parse_name(name)
            first = f"{parsed.stem}_{parsed.first_year}"
            one_year = parsed.first_year == parsed.last_year
            assert name == f"{first}_{parsed.last_year}" or (one_year and name == first)

    def test_only_aliases_parse_alike(self) -> None:
        names_of = defaultdict(list)
        for name in challenge_names():
            names_of[tuple(fields(name).items())].append(name)
        alike = [set(names) for names in names_of.values() if len(names) > 1]
        assert all(any(names == set(pair) for pair in CHALLENGE_ALIASES) for names in alike)

    @pytest.mark.parametrize("pair", CHALLENGE_ALIASES)
    def test_aliases_share_base_maker_and_powertrain(self, pair: tuple[str, str]) -> None:
        one, two = (parse_name(name) for name in pair)
        assert (one.base, one.maker, one.powertrain) == (two.base, two.maker, two.powertrain)

    def test_every_name_has_a_maker_and_an_english_rendering(self) -> None:
        for name in challenge_names():
            parsed = parse_name(name)
            assert parsed.maker
            assert parsed.english.isascii()


class TestYears:
    @pytest.mark.parametrize(
        ("name", "stem", "first", "last"),
        [
            ("2008_2015_2017", "2008", 2015, 2017),
            ("2008_2015", "2008", 2015, 2015),
            ("911_2003_2019", "911", 2003, 2019),
            ("콜로라도_2020_2020", "콜로라도", 2020, 2020),
            ("AM General Hummer SUV 2000", "AM General Hummer SUV", 2000, 2000),
            ("Aurion_2019-2022", "Aurion", 2019, 2022),
            ("Aurion 2019/2022", "Aurion", 2019, 2022),
            ("Volkswagen Golf 1949", "Volkswagen Golf 1949", None, None),
            ("Volkswagen Golf 1950", "Volkswagen Golf", 1950, 1950),
            ("Volkswagen Golf 2049", "Volkswagen Golf", 2049, 2049),
            ("Volkswagen Golf 2050", "Volkswagen Golf 2050", None, None),
            ("F150", "F150", None, None),
            ("2020", "2020", None, None),
        ],
    )
    def test_trailing_years(
        self, name: str, stem: str, first: int | None, last: int | None
    ) -> None:
        parsed = parse_name(name)
        assert (parsed.stem, parsed.first_year, parsed.last_year) == (stem, first, last)

    def test_a_falling_pair_is_no_range(self) -> None:
        parsed = parse_name("Aurion_2022_2019")
        assert (parsed.base, parsed.first_year, parsed.last_year) == ("Aurion 2022", 2019, 2019)


class TestKnownModels:
    @pytest.mark.parametrize(
        "spelling",
        ["디_올뉴니로EV", "디_올_뉴_니로_EV", "디 올뉴 니로 EV", "디올뉴니로EV", "더_올뉴_니로_ev"],
    )
    def test_spellings_of_one_name_give_the_same_parts(self, spelling: str) -> None:
        assert fields(spelling) == {
            "base": "니로",
            "facelift": "디 올뉴",
            "powertrain": "electric",
            "maker": "Kia",
            "english": "The All New Niro EV",
        }

    def test_a_makers_own_word_is_no_part_of_the_model(self) -> None:
        assert fields("현대 그랜저 IG 2017") == fields("그랜저_IG_2017")
        assert fields("제네시스_G80_2021") == fields("G80_2021")

    def test_marks_of_other_makers_do_not_count(self) -> None:
        assert parse_name("SM3_네오").facelift == "네오"
        assert fields("쏘나타_네오") == {"base": "쏘나타 네오", "english": "쏘나타 네오"}

    def test_a_stated_powertrain_beats_that_of_the_line(self) -> None:
        assert parse_name("프리우스").powertrain == "hybrid"
        assert parse_name("프리우스_PHEV").powertrain == "plug-in hybrid"

    def test_a_body_variant_stays_with_its_line_wherever_it_stands(self) -> None:
        assert parse_name("GT_파사트").base == parse_name("파사트_GT_B8").base == "파사트 GT"

    def test_word_order_does_not_change_the_english_rendering(self) -> None:
        rendered = {
            parse_name(name).english
            for name in ("K5_3세대_하이브리드", "K5_하이브리드_3세대", "K5_Hybrid_3rd_Gen")
        }
        assert rendered == {"K5 Hybrid 3rd generation"}

    @pytest.mark.parametrize("name", ["골프_공", "코나 커피", "머스탱 소스 2020", "A4 paper"])
    def test_a_word_that_no_mark_explains_means_another_thing(self, name: str) -> None:
        assert parse_name(name).maker is None
        assert parse_name(name).base == parse_name(name).stem.replace("_", " ")


class TestUnknownModels:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "Aurion_Delta_2nd_Gen_Hybrid_2019_2022",
                {"generation": "2nd Gen", "powertrain": "hybrid"},
            ),
            ("The_New_Aurion_Delta_2021_2023", {"facelift": "The New"}),
            ("All-New Aurion Delta 2021", {"facelift": "All New"}),
            ("Aurion_Delta_Facelift_2021_2023", {"facelift": "Facelift"}),
            ("Aurion_Delta_FL", {"facelift": "Facelift"}),
            ("Aurion_Delta_Generation_3", {"generation": "3rd Gen"}),
            ("Aurion_Delta_12th_Generation", {"generation": "12th Gen"}),
            ("Aurion_Delta_EV_2024", {"powertrain": "electric"}),
            ("Aurion_Delta_Electric", {"powertrain": "electric"}),
            ("Aurion Delta Plug-in Hybrid", {"powertrain": "plug-in hybrid"}),
            ("Aurion_Delta_PHEV", {"powertrain": "plug-in hybrid"}),
        ],
    )
    def test_english_marks_at_the_edges(self, name: str, expected: dict[str, str]) -> None:
        parsed = parse_name(name)
        assert parsed.base == "Aurion Delta"
        assert expected.items() <= fields(name).items()
        assert len(expected) == sum(
            part is not None for part in (parsed.generation, parsed.facelift, parsed.powertrain)
        )

    def test_korean_marks_at_the_edges(self) -> None:
        assert fields("더_뉴_아우리온_델타_2세대_하이브리드_2021") == {
            "base": "아우리온 델타",
            "generation": "2세대",
            "facelift": "더 뉴",
            "powertrain": "hybrid",
            "first_year": 2021,
            "last_year": 2021,
            "english": "The New 아우리온 델타 Hybrid 2nd generation",
        }

    def test_marks_inside_a_name_stay(self) -> None:
        assert parse_name("Volkswagen New Beetle 2012").base == "Volkswagen New Beetle"
        assert parse_name("Hyundai_Sonata_Hybrid_Sedan_2012").powertrain is None

    @pytest.mark.parametrize(
        "name",
        [
            *("AM General Hummer SUV 2000", "BMW 3 Series Sedan 2012", "BMW X5 SUV 2007"),
            *("Aston Martin V8 Vantage Coupe 2012", "Ford F-150 Regular Cab 2012"),
            *("Chrysler 300 SRT-8 2010", "Infiniti G Coupe IPL 2012", "Acura TL Type-S 2008"),
        ],
    )
    def test_stanford_cars_names_lose_only_the_year(self, name: str) -> None:
        rest, year = name[:-5], int(name[-4:])
        assert fields(name) == {
            "base": rest,
            "first_year": year,
            "last_year": year,
            "english": rest,
        }


class TestOtherKinds:
    @pytest.mark.parametrize(
        "name",
        [
            *("organic bananas", "house_sparrow", "Boeing 737", "사과", "7up", "737-200"),
            *("001.Black_footed_Albatross", "hybrid tea rose", "electric guitar", "뉴스페이퍼"),
            *("The New York Times", "New Balance", "하이브리드 자전거", "C-130", "코카콜라500ml"),
            *("EV", "더_뉴", "Hybrid", "FL", "3세대", "The All New", "하이브리드", "R", "기아"),
        ],
    )
    def test_the_whole_name_is_the_base(self, name: str) -> None:
        whole = name.replace("_", " ")
        assert fields(name) == {"base": whole, "english": whole}
        assert parse_name(name).stem == parse_name(name).name == name

    @pytest.mark.parametrize("name", ["", " ", "\t\n", "___"])
    def test_blank_names_are_their_own_base(self, name: str) -> None:
        assert fields(name) == {"base": name, "english": name}

    def test_marks_and_years_alone_leave_a_base(self) -> None:
        assert parse_name("더_뉴_2020").base == "더 뉴"
        assert parse_name("더_뉴_EV_2020").base == "EV"


WORDS = st.sampled_from(
    [
        *sorted(lexicon()),
        *("3세대", "2nd Gen", "IG", "W213", "2020", "2015", "1949", "사과", "Delta", "7up", "-"),
    ]
)
WORD_NAMES = st.lists(WORDS, min_size=1, max_size=7)
NAMES = st.one_of(
    st.text(), WORD_NAMES.map("_".join), WORD_NAMES.map(" ".join), WORD_NAMES.map("".join)
)


class TestProperties:
    @settings(deadline=None)
    @given(NAMES)
    def test_any_text_gives_a_base_and_ordered_years(self, name: str) -> None:
        parsed = parse_name(name)
        assert parsed.name == unicodedata.normalize("NFC", name)
        assert parsed.name.startswith(parsed.stem)
        if name.strip():
            assert parsed.base.strip()
            assert parsed.english.strip()
        if parsed.first_year is not None and parsed.last_year is not None:
            assert 1950 <= parsed.first_year <= parsed.last_year <= 2049

    @settings(deadline=None)
    @given(NAMES)
    def test_nfc_and_nfd_are_the_same_name(self, name: str) -> None:
        decomposed = unicodedata.normalize("NFD", name)
        assert parse_name(decomposed) == parse_name(unicodedata.normalize("NFC", name))

    @settings(deadline=None)
    @given(WORD_NAMES)
    def test_underscores_and_blanks_are_the_same_gap(self, words: list[str]) -> None:
        def parsed(gap: str) -> ParsedName:
            return replace(parse_name(gap.join(words)), name="", stem="")

        assert parsed("_") == parsed(" ")
