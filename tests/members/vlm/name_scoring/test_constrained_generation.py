import numpy as np
import pytest
import torch

from benchmarks.constrained_generation import ConstrainedGeneration
from benchmarks.one_pass_per_name import OnePassPerName
from chajong.members.vlm.name_scoring.errors import VisionLanguageError


def obvious_greedy(model, photo, prompt, names):
    """Run the whole text anew for every token; keep the best one that some name goes on with."""
    spelled = {model.name_tokens(name): name for name in names}
    inputs = model.prepare([photo], [prompt]).inputs
    written, score = (), 0.0
    while written not in spelled:
        tokens = torch.tensor([written], dtype=torch.int64).reshape(1, -1)
        longer = dict(inputs)
        longer["input_ids"] = torch.cat([inputs["input_ids"], tokens], dim=1)
        longer["attention_mask"] = torch.ones_like(longer["input_ids"])
        if "mm_token_type_ids" in inputs:
            kinds = torch.zeros_like(tokens)
            longer["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], kinds], dim=1)
        scores = model.network(**longer).logits[0, -1].log_softmax(dim=0)
        allowed = {tokens[len(written)] for tokens in spelled if tokens[: len(written)] == written}
        best = max(allowed, key=lambda token: scores[token].item())
        written, score = (*written, best), score + scores[best].item()
    return spelled[written], score


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_beam_is_greedy_decoding(model, photos, prompts, candidates, side, monkeypatch):
    monkeypatch.setattr(model.processor.tokenizer, "padding_side", side)
    answers = ConstrainedGeneration(model).answer(photos, prompts, candidates)
    for answer, *asked in zip(answers, photos, prompts, candidates, strict=True):
        with torch.inference_mode():
            name, score = obvious_greedy(model, *asked)
        assert answer.name == name
        assert answer.log_likelihood == pytest.approx(score, abs=1e-4)


def test_as_many_beams_as_names_find_the_most_probable_one(model, photos, prompts, candidates):
    with torch.inference_mode():
        scores = OnePassPerName(model).log_likelihoods(photos, prompts, candidates).numpy()
    answers = ConstrainedGeneration(model, beams=8).answer(photos, prompts, candidates)
    best = scores.argmax(axis=1)
    assert [answer.name for answer in answers] == [
        names[place] for names, place in zip(candidates, best, strict=True)
    ]
    np.testing.assert_allclose(
        [answer.log_likelihood for answer in answers], scores.max(axis=1), atol=1e-4
    )


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_the_answer_is_a_candidate_with_its_own_likelihood(
    model, photos, prompts, candidates, beams
):
    with torch.inference_mode():
        scores = OnePassPerName(model).log_likelihoods(photos, prompts, candidates)
    answers = ConstrainedGeneration(model, beams).answer(photos, prompts, candidates)
    for answer, names, row in zip(answers, candidates, scores, strict=True):
        assert answer.log_likelihood == pytest.approx(
            row[names.index(answer.name)].item(), abs=1e-4
        )


def test_no_beam_is_refused(qwen):
    with pytest.raises(VisionLanguageError, match="0 beams write no answer"):
        ConstrainedGeneration(qwen, beams=0)
