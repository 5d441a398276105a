import pytest

from chajong.members.clip.prompts import ClassPrompts, class_prompts
from chajong.names.aliases import merge_aliases
from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts
from chajong.names.table import class_table

NAMES = ["박스터_718_2017_2024", "K5_2020_2023", "718_박스터_2017_2024", "레이_2018_2021"]
ALIASES = [("718_박스터_2017_2024", "박스터_718_2017_2024")]


def test_each_effective_class_has_the_prompts_of_its_first_name():
    prompts = class_prompts(class_table(merge_aliases(NAMES, ALIASES)))
    first_names = [parse_name(NAMES[number]) for number in (0, 1, 3)]
    assert prompts.korean == tuple(tuple(korean_prompts(name)) for name in first_names)
    assert prompts.english == tuple(tuple(english_prompts(name)) for name in first_names)


def test_languages_are_joined_class_by_class():
    prompts = ClassPrompts(korean=(("가",), ("나", "다")), english=(("a", "b"), ("c",)))
    assert prompts.in_languages(("english", "korean")) == [("a", "b", "가"), ("c", "나", "다")]
    assert prompts.in_languages(("korean",)) == [("가",), ("나", "다")]


def test_a_class_without_a_sentence_is_named():
    prompts = ClassPrompts(korean=(("가",), ()), english=(("a",), ("b",)))
    with pytest.raises(ValueError, match="Class number 1 has no prompt in korean"):
        prompts.in_languages(("korean",))
