"""Where a backbone's weights come from."""

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from chajong.encoders.encoder import EncoderError
from chajong.members.backbone.network import load_network

LITE = "shared/weights/tf_efficientnet_lite0_imagenet_timm.safetensors"
LITE_FILE = Path(__file__).parents[4] / LITE


def save_open_clip(folder, model, *, dtype=torch.float32, **vision):
    """Write an open_clip folder by hand, and return its timm tower."""
    torch.manual_seed(11)
    tower = timm.create_model(model, num_classes=7).eval()
    tower = tower.to(dtype)
    tensors = {f"visual.trunk.{name}": tensor for name, tensor in tower.state_dict().items()}
    tensors |= {"visual.head.proj.weight": torch.zeros(3, 2), "logit_scale": torch.zeros(1)}
    save_file(tensors, folder / "open_clip_model.safetensors")
    configuration = {
        "model_cfg": {
            "embed_dim": 3,
            "vision_cfg": {"timm_model_name": model, "image_size": 32} | vision,
        },
        "preprocess_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(configuration), encoding="utf-8")
    return tower


def features_of(network, photos):
    with torch.no_grad():
        return network.eval()(photos)


def test_a_file_of_timm_gives_its_features(backbone_parameters, tmp_path):
    torch.manual_seed(7)
    saved = timm.create_model("test_efficientnet", num_classes=5)
    save_file(saved.state_dict(), tmp_path / "model.safetensors")
    photos = torch.rand(2, 3, 32, 32)
    saved.reset_classifier(0)
    for weights in (tmp_path, tmp_path / "model.safetensors"):
        network = load_network(backbone_parameters(weights=str(weights))).network
        torch.testing.assert_close(features_of(network, photos), features_of(saved, photos))


class TestOpenClipFolder:
    @pytest.mark.parametrize("model", ["test_efficientnet", "test_convnext"])
    def test_the_towers_trunk_is_the_network(self, backbone_parameters, tmp_path, model):
        tower = save_open_clip(tmp_path, model)
        tower.reset_classifier(0)
        built = load_network(backbone_parameters(model=model, weights=str(tmp_path)))
        photos = torch.rand(2, 3, 32, 32)
        torch.testing.assert_close(features_of(built.network, photos), features_of(tower, photos))

    def test_the_trunk_pools_as_open_clip_does(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet", timm_pool="max")
        built = load_network(backbone_parameters(weights=str(tmp_path)))
        photos = torch.rand(2, 3, 32, 32)
        unpooled = built.network.eval().forward_features(photos)
        torch.testing.assert_close(features_of(built.network, photos), unpooled.amax((2, 3)))

    def test_float16_is_read_as_float32(self, backbone_parameters, tmp_path):
        tower = save_open_clip(tmp_path, "test_efficientnet", dtype=torch.float16)
        network = load_network(backbone_parameters(weights=str(tmp_path))).network
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
        expected = tower.conv_stem.weight.float()
        torch.testing.assert_close(network.conv_stem.weight, expected, rtol=0, atol=0)

    def test_photos_are_given_as_open_clip_gives_them(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet", image_size=[48, 64])
        built = load_network(backbone_parameters(weights=str(tmp_path), image_size=None))
        assert (built.height, built.width) == (48, 64)
        assert (built.mean, built.std) == ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))

    def test_a_person_chooses_before_the_folder(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet")
        chosen = {"image_size": (32, 64), "mean": (0.1, 0.1, 0.1), "std": (0.9, 0.9, 0.9)}
        built = load_network(backbone_parameters(weights=str(tmp_path), **chosen))
        assert (built.height, built.width) == chosen["image_size"]
        assert (built.mean, built.std) == (chosen["mean"], chosen["std"])

    def test_another_model_is_refused(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet")
        with pytest.raises(EncoderError, match=r"is 'test_efficientnet', not 'test_resnet'"):
            load_network(backbone_parameters(model="test_resnet", weights=str(tmp_path)))

    def test_a_tower_that_is_not_of_timm_is_refused(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet", timm_model_name=None)
        with pytest.raises(EncoderError, match="is not a timm model"):
            load_network(backbone_parameters(weights=str(tmp_path)))

    def test_weights_that_do_not_fit_name_file_and_tensor(self, backbone_parameters, tmp_path):
        save_open_clip(tmp_path, "test_efficientnet")
        file = tmp_path / "open_clip_model.safetensors"
        save_file({"visual.trunk.conv_stem.weight": torch.zeros(1)}, file)
        with pytest.raises(EncoderError, match=r"open_clip_model\.safetensors.*bn1\.\w+ is miss"):
            load_network(backbone_parameters(weights=str(tmp_path)))


def test_height_and_width_reach_a_transformer(backbone_parameters):
    built = load_network(backbone_parameters(model="test_vit", image_size=(32, 64)))
    assert (built.height, built.width) == (32, 64)
    assert features_of(built.network, torch.rand(1, 3, 32, 64)).isfinite().all()


def test_drop_path_reaches_the_network(backbone_parameters):
    network = load_network(backbone_parameters(model="test_vit", drop_path=0.3)).network
    assert network.blocks[-1].drop_path1.drop_prob == pytest.approx(0.3)


def test_a_model_without_drop_path_names_the_setting(backbone_parameters):
    with pytest.raises(EncoderError, match=r"'vgg11' with drop_path 0\.1.*`drop_path` to 0"):
        load_network(backbone_parameters(model="vgg11", drop_path=0.1))


def test_an_unknown_model_is_named_with_its_likeness(backbone_parameters):
    with pytest.raises(EncoderError, match=r"no model 'test_efficientnett'.*test_efficientnet"):
        load_network(backbone_parameters(model="test_efficientnett"))


def test_unknown_weights_of_a_known_model_are_named_with_their_likeness(backbone_parameters):
    with pytest.raises(EncoderError, match=r"'convnext_base\.typo'.*convnext_base\."):
        load_network(backbone_parameters(model="convnext_base.typo"))


@pytest.mark.skipif(not LITE_FILE.exists(), reason=f"needs ../{LITE}")
def test_real_weights_give_features_that_differ_between_photos(backbone_parameters):
    chosen = {"model": "tf_efficientnet_lite0", "weights": str(LITE_FILE)}
    features = features_of(
        load_network(backbone_parameters(**chosen)).network, torch.rand(2, 3, 32, 32)
    )
    assert features.shape == (2, 1280)
    assert (features[0] - features[1]).abs().max() > 0.1
