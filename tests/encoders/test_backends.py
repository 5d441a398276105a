"""OpenVINO against torch on tiny models made here, and who is chosen."""

import gc
import logging
import weakref
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from chajong.encoders import backends
from chajong.encoders.backends import Trial, choose_backend
from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.encoders.parameters import PretrainedParameters

SMALL_CLIP = Path(__file__).parents[2] / "data" / "06_models" / "small_clip"
MODELS = {
    "test_efficientnet": {"library": "timm", "weights": "random", "image_size": 64},
    "test_vit": {"library": "timm", "weights": "random", "image_size": 96},
    "small_clip": {"library": "open_clip", "weights": str(SMALL_CLIP)},
}
SIZE = (24, 32)


def parameters_of(model, **changes):
    return PretrainedParameters(model=model, **MODELS[model] | changes)


def photos_of(count, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)


def tiny_model(network=None):
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    network = network or torch.nn.Sequential(*layers, torch.nn.Flatten())
    return ImageModel(network.eval(), *SIZE, (0.5,) * 3, (0.25,) * 3)


class Noise(torch.nn.Module):
    def forward(self, photos):
        return photos.mean((2, 3)) + torch.rand(3)


class WithoutGraph(torch.nn.Module):
    def forward(self, photos):
        return torch.linalg.eigvals(photos.mean(1)[:, :8, :8]).real


@pytest.fixture
def on_the_cpu(monkeypatch):
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    monkeypatch.setattr(backends, "best_device", lambda: torch.device("cpu"))


def test_an_accelerator_never_computes_by_openvino(monkeypatch):
    monkeypatch.setattr(backends, "best_device", lambda: torch.device("cuda"))
    model = tiny_model()
    choose_backend(model, "auto")
    assert model.compute is ImageModel.by_torch
    with pytest.raises(EncoderError, match="this machine has an accelerator"):
        choose_backend(model, "openvino")


@pytest.mark.usefixtures("on_the_cpu")
class TestFeatures:
    @pytest.mark.parametrize("model", MODELS)
    def test_an_encoder_gives_the_same_by_both(self, model):
        encoders = [
            build_encoder(parameters_of(model, backend=backend))
            for backend in ("torch", "openvino")
        ]
        preparation = encoders[0].preparation
        for count in (3, 1):
            photos = photos_of(count, 2, 3, preparation.height, preparation.width)
            by_torch, by_openvino = (encoder.encode(photos) for encoder in encoders)
            assert by_openvino.dtype == np.float32
            assert np.abs(by_openvino - by_torch).max() <= 1e-5 * np.abs(by_torch).max()

    def test_who_computes_is_no_part_of_the_key(self):
        keys = {
            encoder_key(parameters_of("test_vit", backend=backend))
            for backend in ("auto", "torch", "openvino")
        }
        assert len(keys) == 1

    def test_nobody_is_told_over_the_network(self):
        choose_backend(tiny_model(), "openvino")
        from openvino.tools.ovc import telemetry_utils

        assert telemetry_utils.tm.__name__.endswith("telemetry_stub")

    @pytest.mark.parametrize(
        ("network", "reason"), [(Noise(), "differ from torch's by"), (WithoutGraph(), "convert it")]
    )
    def test_what_it_cannot_do_as_torch_does_is_refused(self, network, reason):
        with pytest.raises(EncoderError, match=reason):
            choose_backend(tiny_model(network), "openvino")


@pytest.mark.usefixtures("on_the_cpu")
class TestTrial:
    @pytest.fixture
    def impatient(self, monkeypatch):
        monkeypatch.setattr(backends, "PATIENCE", 1e-9)
        monkeypatch.setattr(backends, "CONVERSION", 1e-9)

    @pytest.fixture(autouse=True)
    def no_trial_yet(self, monkeypatch):
        monkeypatch.setattr(backends, "_WON_BY_OPENVINO", {})

    @pytest.fixture(params=["torch", "OpenVINO"])
    def winner(self, request, monkeypatch):
        def seconds(compute, model, photos):
            compute(model, photos)
            return 2.0 if (compute is ImageModel.by_torch) == (request.param != "torch") else 1.0

        monkeypatch.setattr(backends, "_seconds", seconds)
        return request.param

    @pytest.mark.usefixtures("impatient")
    def test_the_faster_one_computes_what_comes_next(self, winner, caplog):
        model = tiny_model()
        choose_backend(model, "auto")
        photos = photos_of(4, 3, *SIZE)
        with caplog.at_level(logging.INFO, "chajong"), torch.inference_mode():
            first, second = model.features(photos), model.features(photos)
            by_torch = model.by_torch(photos)
        assert torch.equal(first, by_torch)
        torch.testing.assert_close(second, by_torch)
        (line,) = caplog.messages
        assert f"Sequential is computed by {winner}: " in line
        assert (model.compute._compute is ImageModel.by_torch) == (winner == "torch")

    @pytest.mark.usefixtures("impatient")
    def test_the_next_model_of_these_layers_has_no_trial_of_its_own(self, winner, monkeypatch):
        photos = photos_of(4, 3, *SIZE)
        with torch.inference_mode():
            for _ in range(2):
                model = tiny_model()
                choose_backend(model, "auto")
                model.features(photos)
                torch.testing.assert_close(model.features(photos), model.by_torch(photos))
                assert (model.compute._compute is ImageModel.by_torch) == (winner == "torch")
                monkeypatch.setattr(backends, "_seconds", lambda *_: pytest.fail("a trial"))

    def test_little_work_is_done_by_torch_alone(self, monkeypatch):
        monkeypatch.setattr(backends, "_faster", lambda *_: pytest.fail("a trial"))
        model = tiny_model()
        choose_backend(model, "auto")
        assert isinstance(model.compute, Trial)
        model.features(photos_of(2, 3, *SIZE))

    @pytest.mark.usefixtures("impatient")
    def test_torch_goes_on_with_what_cannot_be_converted(self, caplog):
        model = tiny_model(WithoutGraph())
        choose_backend(model, "auto")
        photos = photos_of(2, 3, *SIZE)
        with caplog.at_level(logging.INFO, "chajong"):
            for _ in range(2):
                assert torch.equal(model.features(photos), model.by_torch(photos))
        (line,) = caplog.messages
        assert line.startswith("WithoutGraph is computed by torch. OpenVINO cannot convert it (")

    @pytest.mark.usefixtures("impatient", "winner")
    def test_a_model_that_nobody_uses_is_freed(self):
        model = tiny_model()
        choose_backend(model, "auto")
        model.features(photos_of(2, 3, *SIZE))
        gone = weakref.ref(model)
        del model
        gc.collect()
        assert gone() is None


class TestWithoutOpenVino:
    @pytest.fixture(autouse=True)
    def not_installed(self, monkeypatch):
        monkeypatch.setattr(backends, "find_spec", lambda _: None)
        monkeypatch.setattr(backends, "best_device", lambda: torch.device("cpu"))

    def test_torch_computes(self):
        model = tiny_model()
        choose_backend(model, "auto")
        assert model.compute is ImageModel.by_torch

    def test_whoever_asks_for_it_is_told_how_to_get_it(self):
        with pytest.raises(EncoderError, match=r'pip install "chajong\[openvino\]"'):
            choose_backend(tiny_model(), "openvino")
