import numpy as np
import pytest
import torch

from benchmarks.constrained_generation import ConstrainedGeneration
from benchmarks.one_pass_per_name import OnePassPerName
from chajong.members.vlm.name_scoring import vocabulary
from chajong.members.vlm.name_scoring.class_head import ClassHead
from chajong.members.vlm.name_scoring.letters import Letters
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.members.vlm.name_scoring.vocabulary import vocabulary_logits

LARGE = 24.0
"""Largest logit: neighbouring numbers of bfloat16 are 0.125 apart there."""


def made_head(precision, tokens=50, hidden=16, bias=False):
    generator = torch.Generator().manual_seed(0)
    head = torch.nn.Linear(hidden, tokens, bias=bias)
    with torch.no_grad():
        for part in head.parameters():
            part.copy_(torch.randn(part.shape, generator=generator))
    states = torch.randn(2, 3, hidden, generator=generator).to(precision)
    head = head.to(precision)
    with torch.no_grad():
        head.weight.mul_(LARGE / exact_logits(head, states).abs().max())
    return head, states


def exact_logits(head, states):
    logits = states.double() @ head.weight.double().T
    return logits if head.bias is None else logits + head.bias.double()


@pytest.fixture(params=[7, 50, 16_384])
def tokens_at_once(request, monkeypatch):
    monkeypatch.setattr(vocabulary, "TOKENS_AT_ONCE", request.param)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
def test_logits_are_those_of_a_float32_head(precision, bias, tokens_at_once):
    head, states = made_head(precision, bias=bias)
    logits = vocabulary_logits(head, states)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits.double(), exact_logits(head, states), atol=1e-4, rtol=0)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_autocast_does_not_round_logits(precision):
    head, states = made_head(precision)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = vocabulary_logits(head, states)
    torch.testing.assert_close(logits.double(), exact_logits(head, states), atol=1e-4, rtol=0)


def test_double_precision_stays(tokens_at_once):
    head, states = made_head(torch.float64)
    torch.testing.assert_close(vocabulary_logits(head, states), exact_logits(head, states))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_gradients_are_those_of_the_exact_product(precision, tokens_at_once):
    head, states = made_head(precision, bias=True)
    wanted = [states.double(), *(part.detach().double() for part in head.parameters())]
    of_states, of_weight, of_bias = (part.requires_grad_() for part in wanted)
    (of_states @ of_weight.T + of_bias).logsumexp(-1).sum().backward()
    states.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = vocabulary_logits(head, states)
    logits.logsumexp(-1).sum().backward()
    given = [states, head.weight, head.bias]
    for found, expected in zip(given, wanted, strict=True):
        assert found.grad.dtype == precision
        exact = expected.grad.to(precision)
        torch.testing.assert_close(found.grad, exact, atol=1e-4, rtol=2**-7)


def test_a_frozen_head_gets_no_gradient():
    head, states = made_head(torch.bfloat16)
    head.requires_grad_(False)
    states.requires_grad_()
    vocabulary_logits(head, states).sum().backward()
    assert states.grad is not None
    assert head.weight.grad is None


@pytest.fixture(scope="module", params=["qwen", "llava"])
def rounded(request, load, photos, prompts):
    """A model in bfloat16 whose logits are large."""
    model = load(request.param)
    model.network.to(torch.bfloat16)
    head = model.network.get_output_embeddings()
    with torch.inference_mode():
        states = model.last_states(model.prepare(photos, prompts))
        largest = exact_logits(head, states).abs().max()
    head.weight = torch.nn.Parameter(head.weight.detach() * (LARGE / largest).to(torch.bfloat16))
    return model


def in_two_ways(model, monkeypatch, ask):
    """Ask with the model's own logits, and with those of a head in float64."""
    found = ask()
    head = model.network.get_output_embeddings()
    monkeypatch.setattr(model, "logits", lambda states: exact_logits(head, states))
    return found, ask()


@pytest.mark.parametrize("scorer", [NamesInOnePass, OnePassPerName, Letters])
def test_scores_are_sums_of_exact_logits(rounded, photos, prompts, candidates, scorer, monkeypatch):
    def ask():
        with torch.inference_mode():
            return scorer(rounded).log_likelihoods(photos, prompts, candidates)

    found, exact = in_two_ways(rounded, monkeypatch, ask)
    assert exact.abs().max() > (1 if scorer is Letters else LARGE)
    torch.testing.assert_close(found.double(), exact, atol=1e-2, rtol=0)


def test_answers_have_the_log_likelihood_of_exact_logits(
    rounded, photos, prompts, candidates, monkeypatch
):
    def ask():
        answers = ConstrainedGeneration(rounded, beams=3).answer(photos, prompts, candidates)
        return np.array([answer.log_likelihood for answer in answers])

    found, exact = in_two_ways(rounded, monkeypatch, ask)
    np.testing.assert_allclose(found, exact, atol=1e-2)


def test_autocast_does_not_round_the_logits_of_a_class_head():
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(0)) * LARGE
    head = ClassHead(16, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head(states)
    torch.testing.assert_close(logits, head.linear(states))
