import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.constrained_generation import children_of
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.trie import ROOT, build_trie, split_candidates

END = 9
names = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(lambda tokens: (*tokens, END))
name_lists = st.lists(names, min_size=1, max_size=12, unique=True)


def beginnings(sequences):
    return {tuple(sequence[:cut]) for sequence in sequences for cut in range(1, len(sequence) + 1)}


def spelled(trie, node):
    tokens = []
    while node != ROOT:
        tokens.insert(0, int(trie.tokens[node]))
        node = trie.parents[node]
    return tuple(tokens)


@given(name_lists)
def test_every_beginning_is_one_node_after_its_parent(sequences):
    trie = build_trie(sequences)
    all_spelled = [spelled(trie, node) for node in range(len(trie.tokens))]
    assert sorted(all_spelled) == sorted(beginnings(sequences))
    assert (trie.parents < np.arange(len(trie.tokens))).all()
    assert trie.depths.tolist() == [len(tokens) - 1 for tokens in all_spelled]
    assert [tokens[-1] == END for tokens in all_spelled] == [
        node >= trie.inner for node in range(len(trie.tokens))
    ]


@given(name_lists)
def test_paths_spell_the_candidates_in_their_order(sequences):
    trie = build_trie(sequences)
    for sequence, path in zip(sequences, trie.paths, strict=True):
        assert [spelled(trie, node) for node in path] == [
            sequence[:cut] for cut in range(1, len(sequence) + 1)
        ]


@given(name_lists)
def test_a_node_sees_its_own_beginnings(sequences):
    trie = build_trie(sequences)
    seen = trie.ancestors()
    texts = [spelled(trie, node) for node in range(trie.inner)]
    for row, text in enumerate(texts):
        assert seen[row].tolist() == [text[: len(other)] == other for other in texts]


@given(name_lists)
def test_children_are_the_nodes_with_that_parent(sequences):
    trie = build_trie(sequences)
    for node, children in children_of(trie).items():
        assert children == np.flatnonzero(trie.parents == node).tolist()


@given(name_lists, st.integers(1, 12))
def test_parts_hold_every_candidate_once_and_are_small(sequences, nodes):
    rows = [sequences, list(reversed(sequences))]
    parts = split_candidates(rows, nodes)
    for number, row in enumerate(rows):
        places = [place for part in parts for place in part[number]]
        assert sorted(places) == list(range(len(row)))
        for part in parts:
            trie = build_trie([row[place] for place in part[number]])
            assert trie.inner <= nodes or len(parts) == len(sequences)


def test_names_that_fit_stay_together():
    assert len(split_candidates([[(1, END), (2, END)]], 2)) == 1


def test_a_name_that_begins_another_has_an_end_of_its_own():
    trie = build_trie([(1, END), (1, 2, END)])
    assert trie.inner == 2
    assert sorted(trie.tokens[children_of(trie)[0]]) == [2, END]
    assert [trie.parents[path[-1]] for path in trie.paths] == [0, 1]


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([], "nothing to choose from"),
        ([(1, END), ()], "nothing to choose from"),
        ([(1, 2, END), (3, END), (1, 2, END)], r"Candidates 0 and 2 have the same tokens"),
        ([(1, END), (1, 2)], r"Candidate 1 .* end token 9 at its end"),
        ([(1, END), (END, 1, END)], r"Candidate 1 .* nowhere else"),
    ],
)
def test_sequences_that_make_no_trie_are_refused(sequences, message):
    with pytest.raises(VisionLanguageError, match=message):
        build_trie(sequences)
