from copy import deepcopy

import pytest
import torch

from chajong.encoders.encoder import EncoderError
from chajong.members.clip.adapters import add_adapters
from chajong.members.clip.depths import tower_of
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.towers import load_towers


@pytest.fixture(params=["open_clip", "clip", "siglip"])
def parameters(request, parameters_of, convnext_folder, transformers_folders):
    if request.param == "open_clip":
        return parameters_of(convnext_folder, lora_rank=2)
    folder = str(transformers_folders[request.param])
    return ClipParameters(library="transformers", model=folder, weights=folder, lora_rank=2)


def embeddings_of(towers, texts):
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(2, 3, towers.height, towers.width, generator=generator)
    with torch.no_grad():
        return towers.encode_photos(pictures), towers.encode_texts(towers.tokenize(texts))


def stir_adapters(towers):
    """What training does: the adapters stop being zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in towers.named_parameters():
            if "lora_B" in name:
                weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))


def test_untrained_adapters_change_nothing(parameters, sentences):
    towers = load_towers(parameters).eval()
    before = embeddings_of(towers, sentences)
    add_adapters(towers, parameters)
    torch.testing.assert_close(embeddings_of(towers, sentences), before)


def test_only_adapters_and_the_logit_scale_are_trained(parameters):
    towers = load_towers(parameters)
    add_adapters(towers, parameters)
    trained = [name for name, weight in towers.named_parameters() if weight.requires_grad]
    assert {tower_of(name) for name in trained if "lora_" in name} == {"photo", "text"}
    assert [name for name in trained if "lora_" not in name] == ["network.model.logit_scale"]


def test_every_adapter_learns(parameters, sentences):
    towers = load_towers(parameters)
    add_adapters(towers, parameters)
    stir_adapters(towers)
    pictures = torch.randn(2, 3, towers.height, towers.width)
    texts = towers.encode_texts(towers.tokenize(sentences[:2]))
    (towers.encode_photos(pictures) * texts).sum().backward()
    without = [
        name
        for name, weight in towers.named_parameters()
        if "lora_" in name and (weight.grad is None or not weight.grad.any())
    ]
    assert without == []


def test_frozen_weights_stay_exactly_as_they_are(parameters, sentences):
    towers = load_towers(parameters)
    add_adapters(towers, parameters)
    stir_adapters(towers)
    before = {name: part.clone() for name, part in towers.state_dict().items()}
    for _ in range(3):
        embeddings_of(towers, sentences)
    assert all(torch.equal(part, before[name]) for name, part in towers.state_dict().items())


def test_the_attention_of_open_clip_is_adapted(parameters_of, convnext_folder):
    parameters = parameters_of(convnext_folder, lora_rank=2)
    towers = load_towers(parameters)
    add_adapters(towers, parameters)
    adapted = [name for name, _ in towers.named_parameters() if "lora_A" in name]
    for part in ("attn.lora_A", "attn.base_layer.out_proj.lora_A", "mlp.c_fc.lora_A"):
        assert f"network.model.transformer.resblocks.1.{part}.default.weight" in adapted


@pytest.mark.parametrize(("frozen", "left"), [("photo", "text"), ("text", "photo")])
def test_a_frozen_tower_has_no_adapters(parameters, frozen, left):
    parameters = parameters.model_copy(update={"freeze": (frozen,)})
    towers = load_towers(parameters)
    add_adapters(towers, parameters)
    names = [name for name, _ in towers.named_parameters() if "lora_" in name]
    assert {tower_of(name) for name in names} == {left}


def test_a_tower_without_linear_layers_is_refused(parameters_of, tmp_path, sentences, tiny):
    from tools.small_clip import make_small_clip

    make_small_clip(sentences, tmp_path, tiny.model_copy(update={"photo_model": "regnetx_002"}))
    parameters = parameters_of(tmp_path, lora_rank=2)
    with pytest.raises(EncoderError, match=r"the photo tower has none.*freeze: \[photo\]"):
        add_adapters(load_towers(parameters), parameters)


def test_adapters_depend_on_the_seed_only(parameters):
    first, again = (deepcopy(load_towers(parameters)) for _ in range(2))
    add_adapters(first, parameters)
    torch.rand(7)
    add_adapters(again, parameters)
    assert all(
        torch.equal(one, other)
        for one, other in zip(first.parameters(), again.parameters(), strict=True)
    )
