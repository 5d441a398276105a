import numpy as np
import pytest
import torch

from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.letters import Letters, letter_tokens, with_options


def obvious(model, photo, prompt, names, orders, seed):
    """List the options, ask the network, look the letters up in a dictionary; one photo."""
    generator = np.random.default_rng(seed)
    of_name = dict.fromkeys(names, 0.0)
    for _ in range(orders):
        order = [names[place] for place in generator.permutation(len(names))]
        lines = [prompt] + [f"{'ABCDEFGHIJ'[i]}. {name}" for i, name in enumerate(order)]
        inputs = model.prepare([photo], ["\n".join(lines)]).inputs
        last = model.network(**inputs).logits[0, -1]
        tokens = [
            model.processor.tokenizer.convert_tokens_to_ids("ABCDEFGHIJ"[i])
            for i in range(len(names))
        ]
        scores = torch.log(torch.softmax(last[tokens], dim=0))
        for name, score in zip(order, scores, strict=True):
            of_name[name] += score.item() / orders
    return [of_name[name] for name in names]


@pytest.mark.parametrize("side", ["left", "right"])
def test_letters_equal_the_obvious_implementation(
    model, photos, prompts, candidates, side, monkeypatch
):
    monkeypatch.setattr(model.processor.tokenizer, "padding_side", side)
    with torch.inference_mode():
        expected = [
            obvious(model, *asked, orders=3, seed=5)
            for asked in zip(photos, prompts, candidates, strict=True)
        ]
        found = Letters(model, orders=3, seed=5).log_likelihoods(photos, prompts, candidates)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_probabilities_sum_to_one(model, photos, prompts, candidates):
    scores = Letters(model, orders=2).score(photos, prompts, candidates)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)


def test_options_are_lettered_lines():
    assert with_options("어느 차?", ["레이", "모닝"]) == "어느 차?\nA. 레이\nB. 모닝"


def test_more_candidates_than_letters_are_refused_before_anything_is_read(qwen, photos, prompts):
    names = [[f"차{number}" for number in range(27)]] * 3
    with pytest.raises(VisionLanguageError, match="27 candidates are more than the 26 letters"):
        Letters(qwen).score(photos, prompts, names)


def test_a_letter_of_two_tokens_is_refused(qwen, monkeypatch):
    monkeypatch.setattr(qwen, "name_tokens", lambda name: (1, 2, 3), raising=False)
    with pytest.raises(VisionLanguageError, match="'A' is 2 tokens"):
        letter_tokens(qwen)
