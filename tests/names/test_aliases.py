from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names


def test_the_challenge_has_391_effective_classes() -> None:
    effective = merge_aliases(challenge_names(), CHALLENGE_ALIASES)
    assert list(effective) == challenge_names()
    assert len(set(effective.values())) == 391


def test_a_group_takes_its_first_name_in_the_order_of_the_names() -> None:
    assert merge_aliases(["b", "c", "a"], [("a", "b")]) == {"b": "b", "c": "c", "a": "b"}


def test_absent_names_are_ignored() -> None:
    assert merge_aliases(["a"], [("a", "x"), ("y", "z")]) == {"a": "a"}


def test_aliases_chain_through_an_absent_name() -> None:
    assert merge_aliases(["c", "a"], [("a", "b"), ("b", "c")]) == {"c": "c", "a": "c"}


def test_a_pair_joins_two_groups() -> None:
    pairs = [("a", "b"), ("c", "d"), ("d", "b")]
    assert set(merge_aliases(list("abcd"), pairs).values()) == {"a"}


def test_names_on_a_mac_are_recognised() -> None:
    names = [unicodedata.normalize("NFD", name) for name in CHALLENGE_ALIASES[1]]
    assert set(merge_aliases(names, CHALLENGE_ALIASES).values()) == {names[0]}


def effective_by_flooding(names: list[str], pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Spread every name over its aliases until nothing changes."""

    def reached(name: str) -> set[str]:
        group = {name}
        for _ in pairs:
            group |= {other for pair in pairs if group & set(pair) for other in pair}
        return group

    return {name: next(other for other in names if other in reached(name)) for name in names}


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"))),
)
def test_merging_equals_flooding(names: list[str], pairs: list[tuple[str, str]]) -> None:
    assert merge_aliases(names, pairs) == effective_by_flooding(names, pairs)
