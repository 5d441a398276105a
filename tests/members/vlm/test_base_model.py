import importlib.util
import shutil

import pytest
import torch
from bitsandbytes.nn import Linear4bit

from chajong.encoders.encoder import EncoderError
from chajong.members.vlm import base_model
from chajong.members.vlm.base_model import (
    base_identity,
    check_base,
    is_in_four_bits,
    load_network,
)
from tools.tiny_vlm import make_tiny_llava


@pytest.fixture
def no_weights_are_read(monkeypatch):
    def refuse(*_, **__):
        pytest.fail("weights were read")

    monkeypatch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", refuse)


class TestFourBits:
    def test_the_language_layers_are_quantised_and_nothing_else(self, settings):
        network = load_network(settings())
        linear = {
            name: layer
            for name, layer in network.named_modules()
            if isinstance(layer, torch.nn.Linear)
        }
        quantised = {name for name, layer in linear.items() if isinstance(layer, Linear4bit)}
        assert quantised == {name for name in linear if is_in_four_bits(name)}
        assert quantised == {name for name in linear if ".language_model." in name}
        assert all(linear[name].weight.quant_state.nested for name in quantised)

    def test_unpacked_weights_are_near_the_published_ones(self, settings):
        exact = load_network(settings(quantisation="none"))
        quantised = load_network(settings())
        name = "model.language_model.layers.0.mlp.up_proj"
        layer = quantised.get_submodule(name)
        photo = torch.eye(layer.in_features)
        expected = exact.get_submodule(name)(photo)
        error = (layer(photo) - expected).abs().mean() / expected.abs().mean()
        assert 0 < error < 0.11

    def test_prediction_gives_what_training_saw(self, settings):
        """Some CPUs would repack the weights and round them once nothing is trained any more."""
        layer = load_network(settings()).get_submodule("model.language_model.layers.0.mlp.up_proj")
        inputs = torch.randn(5, layer.in_features)
        in_training = layer.train()(inputs)
        with torch.inference_mode():
            in_prediction = layer.eval()(inputs)
        torch.testing.assert_close(in_training, in_prediction, rtol=0, atol=0)

    def test_nothing_of_the_network_is_trainable(self, settings):
        assert not any(weight.requires_grad for weight in load_network(settings()).parameters())


@pytest.mark.usefixtures("no_weights_are_read")
class TestCheck:
    def test_the_budget_decides_the_photos_shape(self, settings):
        wide = settings(max_pixels=84 * 112, aspect_ratio=4 / 3)
        assert check_base(wide) == (84, 112)

    def test_photos_larger_than_the_budget_are_refused(self, settings, tmp_path):
        make_tiny_llava(tmp_path, ["a car"])
        configuration = tmp_path / "config.json"
        larger = configuration.read_text().replace('"image_size": 28', '"image_size": 56')
        configuration.write_text(larger)
        with pytest.raises(EncoderError, match=r"56 x 56 pixels.*`max_pixels` is 784.*or more"):
            check_base(settings(weights=str(tmp_path), max_pixels=784))

    def test_without_bitsandbytes_the_way_out_is_named(self, settings, monkeypatch):
        found = importlib.util.find_spec
        monkeypatch.setattr(
            base_model, "find_spec", lambda name: None if name == "bitsandbytes" else found(name)
        )
        with pytest.raises(EncoderError, match=r"pip install bitsandbytes.*quantisation: none"):
            check_base(settings())
        assert check_base(settings(quantisation="none")) == (56, 56)

    def test_an_absent_folder_is_named(self, settings, tmp_path):
        with pytest.raises(EncoderError, match=f"{tmp_path}/none does not exist"):
            check_base(settings(weights=f"{tmp_path}/none"))

    def test_a_processor_without_a_template_is_refused(self, settings, tmp_path):
        folder = shutil.copytree(settings().weights, tmp_path / "model")
        (folder / "chat_template.jinja").unlink()
        with pytest.raises(EncoderError, match="no chat template"):
            check_base(settings(weights=str(folder)))


def test_other_weights_are_another_base(settings, tmp_path):
    folder = shutil.copytree(settings().weights, tmp_path / "model")
    same = base_identity(settings(weights=str(folder)))
    assert same == base_identity(settings())
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert base_identity(settings(weights=str(folder))) != same
