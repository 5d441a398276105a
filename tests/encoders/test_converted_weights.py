"""Weights in a file are converted to the model as its library converts published ones."""

import json

import open_clip
import pytest
import timm
import torch
from safetensors.torch import save_file

from chajong.encoders.encoder import EncoderError
from chajong.encoders.open_clip_models import load_open_clip_network
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.timm_models import fit_timm_weights, load_timm_model

OPEN_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 2, "layers": 1},
}


def of_timm(weights):
    return PretrainedParameters(
        library="timm", model="test_vit", weights=str(weights), image_size=96
    )


def assert_same_tensors(network, expected):
    wanted = expected.state_dict()
    assert network.state_dict().keys() == wanted.keys()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name], rtol=0, atol=0)


class TestTimm:
    @pytest.mark.parametrize("as_folder", [True, False])
    def test_a_file_for_another_image_size_is_resampled_as_timm_does(self, tmp_path, as_folder):
        torch.manual_seed(7)
        file = tmp_path / "model.safetensors"
        save_file(timm.create_model("test_vit", num_classes=5).state_dict(), file)
        read = {"file": str(file), "num_classes": 5}
        expected = timm.create_model(
            "test_vit", pretrained=True, pretrained_cfg_overlay=read, num_classes=0, img_size=96
        )
        built = load_timm_model(of_timm(tmp_path if as_folder else file))
        assert_same_tensors(built.network, expected)

    def test_a_file_of_older_names_is_renamed_as_timm_does(self):
        torch.manual_seed(7)
        network = timm.create_model("vit_small_patch14_dinov2", num_classes=0, depth=1)
        older = dict(network.state_dict()) | {"mask_token": torch.zeros(1, 384)}
        fit_timm_weights(network, older, "The weights")

    def test_position_tables_that_cannot_be_resampled_do_not_fit(self, tmp_path):
        tensors = dict(timm.create_model("test_vit").state_dict())
        tensors["pos_embed"] = torch.zeros(7)
        save_file(tensors, tmp_path / "model.safetensors")
        with pytest.raises(EncoderError, match=r"model\.safetensors and the model .* do not fit"):
            load_timm_model(of_timm(tmp_path))

    def test_a_tensor_that_is_missing_at_another_image_size_is_named(self, tmp_path):
        tensors = dict(timm.create_model("test_vit").state_dict())
        del tensors["norm.bias"]
        save_file(tensors, tmp_path / "model.safetensors")
        with pytest.raises(EncoderError, match=r"norm\.bias is missing"):
            load_timm_model(of_timm(tmp_path))


class TestOpenClip:
    @pytest.mark.parametrize("custom_text", [False, True])
    def test_a_file_for_another_image_size_is_resampled_as_open_clip_does(
        self, tmp_path, custom_text
    ):
        torch.manual_seed(7)
        file = tmp_path / "weights.safetensors"
        tensors = open_clip.CLIP(**OPEN_CLIP).state_dict()
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, file)
        # Where the text tower is a part of its own, its tensors have other names than in the file.
        longer = OPEN_CLIP["text_cfg"] | {"context_length": 11}
        model_cfg = OPEN_CLIP | {"custom_text": custom_text, "text_cfg": longer}
        text = json.dumps({"model_cfg": model_cfg, "preprocess_cfg": {}})
        (tmp_path / "open_clip_config.json").write_text(text)
        model = f"local-dir:{tmp_path}"
        given = {"load_weights": False, "force_image_size": 64}
        expected = open_clip.create_model(model, **given)
        open_clip.load_checkpoint(expected, str(file))
        parameters = PretrainedParameters(
            library="open_clip", model=model, weights=str(file), image_size=64
        )
        assert_same_tensors(load_open_clip_network(parameters), expected)
