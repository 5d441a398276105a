import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from benchmarks.one_pass_per_name import OnePassPerName
from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.names.challenge import challenge_names

TOLERANCE = 1e-4


def raw(scorer, *asked):
    with torch.inference_mode():
        return scorer.log_likelihoods(*asked)


@pytest.fixture(scope="module")
def expected(model, photos, prompts, candidates):
    return raw(OnePassPerName(model), photos, prompts, candidates)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("nodes", [512, 20, 1])
def test_one_pass_equals_one_pass_per_name(
    model, photos, prompts, candidates, expected, side, nodes, monkeypatch
):
    monkeypatch.setattr(model.processor.tokenizer, "padding_side", side)
    found = raw(NamesInOnePass(model, nodes), photos, prompts, candidates)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kind", ["qwen", "llava"])
def test_eager_attention_gives_the_same(load, photos, prompts, candidates, kind):
    model = load(kind, attn_implementation="eager")
    asked = photos, prompts, candidates
    expected = raw(OnePassPerName(model), *asked)
    found = raw(NamesInOnePass(model), *asked)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


def test_all_names_of_the_challenge(model, photos, prompts):
    asked = photos[:1], prompts[:1], [challenge_names()]
    found = NamesInOnePass(model).score(*asked)
    assert found.shape == (1, 396)
    np.testing.assert_allclose(found, OnePassPerName(model).score(*asked), atol=TOLERANCE)


def test_the_network_agrees_token_by_token(model, photos, prompts):
    """No function of ours past the tokens: the network's own loss on the name."""
    name = "쏘나타_DN8_2020_2023"
    inputs = model.prepare(photos[:1], prompts[:1]).inputs
    tokens = torch.tensor([model.name_tokens(name)])
    length = inputs["input_ids"].shape[1]
    longer = {"input_ids": torch.cat([inputs["input_ids"], tokens], dim=1)}
    if "mm_token_type_ids" in inputs:
        kinds = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, tokens.shape[1]))
        longer["mm_token_type_ids"] = kinds
    labels = longer["input_ids"].clone()
    labels[:, :length] = -100
    rest = {key: inputs[key] for key in inputs if key in ("pixel_values", "image_grid_thw")}
    with torch.inference_mode():
        loss = model.network(**longer, **rest, labels=labels).loss
    found = raw(NamesInOnePass(model), photos[:1], prompts[:1], [[name]])
    assert found.item() == pytest.approx(-loss.item() * tokens.shape[1], abs=TOLERANCE)


def test_a_cache_serves_several_candidate_sets(model, photos, prompts, candidates, expected):
    scorer = NamesInOnePass(model, 20)
    with torch.inference_mode():
        prefix = model.read(model.prepare(photos, prompts))
        for _ in range(2):
            found = scorer.after(prefix, candidates)
            torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
        fewer = scorer.after(prefix, [names[2:4] for names in candidates])
    torch.testing.assert_close(fewer, expected[:, 2:4], atol=TOLERANCE, rtol=0)


def test_probabilities_are_shares_of_the_likelihoods(model, photos, prompts, candidates):
    scorer = NamesInOnePass(model)
    scores = scorer.score(photos, prompts, candidates)
    likelihoods = raw(scorer, photos, prompts, candidates).numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(
        scores, likelihoods - logsumexp(likelihoods, axis=1, keepdims=True), atol=1e-5
    )


def test_the_order_of_candidates_moves_their_scores_with_them(model, photos, prompts, candidates):
    scorer = NamesInOnePass(model)
    turned = [list(reversed(names)) for names in candidates]
    np.testing.assert_allclose(
        scorer.score(photos, prompts, turned)[:, ::-1],
        scorer.score(photos, prompts, candidates),
        atol=TOLERANCE,
    )


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([["가"], ["나"]], "3 photos and 2 lists of candidates"),
        ([["가"], ["나"], ["다", "라"]], r"The photos have \[1, 2\] candidates"),
        ([[], [], []], r"The photos have \[0\] candidates"),
        ([["가", "나", "가"]] * 3, "'가' is twice among the candidates"),
    ],
)
@pytest.mark.parametrize("scorer", [NamesInOnePass, OnePassPerName])
def test_candidates_that_do_not_fit_are_refused(qwen, photos, prompts, candidates, message, scorer):
    with pytest.raises(VisionLanguageError, match=message):
        scorer(qwen).score(photos, prompts, candidates)
