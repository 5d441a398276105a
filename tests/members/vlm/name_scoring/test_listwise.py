import pytest
import torch

from benchmarks.one_pass_per_name import OnePassPerName
from chajong.members.vlm.name_scoring.listwise import listwise_loss, trie_log_likelihoods

LABELS = torch.tensor([2, 0, 5])


def gradients(network, loss):
    network.zero_grad()
    loss.backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["qwen", "llava"])
def test_loss_and_gradient_equal_those_of_one_pass_per_name(
    load, photos, prompts, candidates, kind, side
):
    model = load(kind)
    model.network.double()
    model.processor.tokenizer.padding_side = side
    scores = OnePassPerName(model).log_likelihoods(photos, prompts, candidates)
    likelihoods = torch.exp(scores)
    shares = likelihoods / likelihoods.sum(dim=1, keepdim=True)
    loss = -torch.log(shares[torch.arange(3), LABELS]).mean()
    expected = gradients(model.network, loss)
    prompts_read = model.prepare(photos, prompts)
    found_loss = listwise_loss(trie_log_likelihoods(model, prompts_read, candidates), LABELS)
    found = gradients(model.network, found_loss)
    assert found_loss.item() == pytest.approx(loss.item(), abs=1e-6)
    assert found.keys() == expected.keys()
    largest = max(gradient.abs().max() for gradient in expected.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6 * largest, rtol=1e-5, msg=name)


@pytest.mark.parametrize("kind", ["qwen", "llava"])
def test_every_weight_that_the_answer_needs_gets_a_gradient(
    load, photos, prompts, candidates, kind
):
    model = load(kind)
    scores = trie_log_likelihoods(model, model.prepare(photos, prompts), candidates)
    found = gradients(model.network, listwise_loss(scores, LABELS))
    for part in ("visual" if kind == "qwen" else "vision_tower", "embed_tokens", "lm_head"):
        assert any(part in name and gradient.any() for name, gradient in found.items()), part


def test_gradient_checkpointing_changes_nothing(load, photos, prompts, candidates):
    model = load("qwen")
    asked = model.prepare(photos, prompts), candidates
    plain = gradients(model.network, listwise_loss(trie_log_likelihoods(model, *asked), LABELS))
    model.network.activation_checkpointing_enable()
    model.network.train()
    assert model.network.is_activation_checkpointing
    again = gradients(model.network, listwise_loss(trie_log_likelihoods(model, *asked), LABELS))
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, atol=1e-5, rtol=1e-4)
