import re

import pytest

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from chajong.names.grammar import parse_name
from tools.rendered_cars.appearance import appearance_of, split_base
from tools.rendered_cars.sample_names import ALIAS_PAIR, CURATED_NAMES, sample_names
from tools.rendered_cars.vocabulary import MAKERS, MODEL_LINES

GRAMMAR = re.compile(r"\S+?_(\d{4})(_\d{4})?")


def test_all_names_follow_the_challenges_grammar():
    for name in sample_names(1624):
        assert GRAMMAR.fullmatch(name), name


def test_all_names_are_different():
    assert len(set(sample_names(1624))) == 1624


def test_the_curated_names_come_first():
    assert sample_names(5) == list(CURATED_NAMES[:5])
    assert sample_names(30)[:24] == list(CURATED_NAMES)


def test_about_half_of_the_curated_names_are_korean():
    korean = sum(not name.isascii() for name in CURATED_NAMES)

    assert 10 <= korean <= 16


def test_only_the_alias_pair_is_real():
    assert set(CURATED_NAMES) & set(challenge_names()) == set(ALIAS_PAIR)
    assert len(set(merge_aliases(CURATED_NAMES, CHALLENGE_ALIASES).values())) == 23


def test_every_invented_name_is_read_as_a_maker_and_a_model_line_of_the_vocabulary():
    for name in set(sample_names(1624)) - set(ALIAS_PAIR):
        maker, line = split_base(parse_name(name))
        assert maker in MAKERS, name
        assert line in MODEL_LINES, name


def test_no_two_names_but_the_aliases_look_the_same():
    assert len({appearance_of(name) for name in sample_names(1624)}) == 1623


def test_more_names_than_there_are_is_an_error_that_says_how_many():
    with pytest.raises(ValueError, match="1624 names"):
        sample_names(1625)
