import unicodedata

import pytest

from chajong.search.names import classes_named

NAMES = (
    "K5_3세대_2019_2023",
    "K5_3세대_하이브리드_2019_2023",
    "더_뉴_아반떼_2021_2023",
    "아반떼_2015_2020",
    "X5 (G05)_2019_2023",
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("K5_3세대_2019_2023", NAMES[:1]),
        ("k5 3세대", NAMES[:1]),
        ("아반떼", NAMES[3:4]),
        ("Avante", NAMES[3:4]),
        ("Hyundai Avante", NAMES[3:4]),
        ("흰색 아반떼", NAMES[2:4]),
        ("Hyundai", NAMES[2:4]),
        ("K5", NAMES[:2]),
        ("하이브리드 K5", NAMES[1:2]),
        ("아반떼 2022", NAMES[2:3]),
        ("BMW X5", NAMES[4:]),
        ("the new red car", ()),
        ("하이브리드", ()),
        ("asdf", ()),
        ("  ", ()),
    ],
)
def test_names_are_found_by_whole_and_by_parts(words, found):
    assert classes_named(words, NAMES) == found
    assert classes_named(unicodedata.normalize("NFD", words), NAMES) == found
