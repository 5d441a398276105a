import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chajong.members.vlm.name_scoring.candidates import pack_tries, spell_candidates
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.trie import build_trie

VOCABULARY, END, COUNT = 6, 5, 3
names = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(lambda tokens: (*tokens, END))
rows = st.lists(
    st.lists(names, min_size=COUNT, max_size=COUNT, unique=True), min_size=1, max_size=3
)


@given(rows)
def test_a_candidate_adds_up_what_follows_each_of_its_beginnings(lists):
    tries = [build_trie(row) for row in lists]
    packed = pack_tries(tries)
    logits = torch.randn(len(lists), 1 + packed.inner_tokens.shape[1], VOCABULARY)
    found = packed.log_likelihoods(logits)
    for row, (trie, sequences) in enumerate(zip(tries, lists, strict=True)):
        for place, (sequence, path) in enumerate(zip(sequences, trie.paths, strict=True)):
            states = [0, *(node + 1 for node in path[:-1])]
            steps = [
                torch.log_softmax(logits[row, state], dim=0)[token].item()
                for state, token in zip(states, sequence, strict=True)
            ]
            assert found[row, place].item() == pytest.approx(sum(steps), abs=1e-4)


def test_a_list_that_photos_share_is_kept_once():
    spelled = spell_candidates([["가", "나"], ["나", "가"], ["가", "나"]], lambda name: (name,), 3)
    assert spelled.lists == ((("가",), ("나",)), (("나",), ("가",)))
    assert spelled.chosen == (0, 1, 0)
    assert spelled.count == 2


def test_rows_are_chosen_in_order():
    packed = pack_tries([build_trie([(1, END)]), build_trie([(2, 3, END)])])
    chosen = packed.of_photos([1, 0, 1], torch.device("cpu"))
    assert chosen.inner_tokens.tolist() == [[2, 3], [1, 0], [2, 3]]


def test_padding_sees_itself_only():
    packed = pack_tries([build_trie([(1, END)]), build_trie([(2, 3, END)])])
    assert packed.visible[0].tolist() == [[True, False], [False, True]]


def test_names_of_the_same_tokens_are_refused():
    spelled = spell_candidates([["가", "각"]], lambda _: (1, END), 1)
    with pytest.raises(VisionLanguageError, match="same tokens"):
        build_trie(spelled.lists[0])
