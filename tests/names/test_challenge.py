import unicodedata

from chajong.names.challenge import challenge_names


def test_there_are_396_distinct_names() -> None:
    names = challenge_names()
    assert len(names) == len(set(names)) == 396


def test_names_are_nfc_and_without_blanks() -> None:
    for name in challenge_names():
        assert name == unicodedata.normalize("NFC", name)
        assert not any(letter.isspace() for letter in name)


def test_the_order_is_that_of_the_submission() -> None:
    names = challenge_names()
    assert names[0] == "1시리즈_F20_2013_2015"
    assert names == sorted(names)
