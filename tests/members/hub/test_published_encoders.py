"""Frozen encoders from the hub: run, kept, restored, and asked once their branch has moved on."""

import numpy as np
import published_encoders as published
import published_vision_language as vision_language
import pytest
import torch
from fake_hub import FORMATS
from member_chains import check_served, run_member, sentences_about
from published_sentence_model import write_sentence_model
from safetensors.torch import load_file

from chajong.encoders.building import build_encoder
from chajong.encoders.parameters import (
    PretrainedParameters,
    QwenVlChatParameters,
    VlmLanguageParameters,
    VlmTowerParameters,
)

ONE_VIEW = {"flip": False, "zoom": (1.0,)}
TIMM = "test_efficientnet.r160_in1k"
BUDGET = {"max_pixels": 56 * 56, "aspect_ratio": 1.0}


def transformers(model, **changes):
    return PretrainedParameters(library="transformers", model=model, **ONE_VIEW | changes)


def open_clip(model, weights="hub"):
    return PretrainedParameters(library="open_clip", model=model, weights=weights, **ONE_VIEW)


def timm(model=TIMM):
    return PretrainedParameters(library="timm", model=model, **ONE_VIEW)


ENCODERS = {
    "clip": ("openai/clip", published.write_clip, transformers("openai/clip")),
    "siglip": ("google/siglip", published.write_siglip, transformers("google/siglip")),
    "dinov2": ("facebook/dinov2", published.write_dinov2, transformers("facebook/dinov2")),
    "open_clip": ("laion/clip", published.write_open_clip, open_clip("hf-hub:laion/clip")),
    "qwen2_5_vl": (
        "Qwen/Qwen2.5-VL",
        vision_language.write_qwen2_5_vl,
        VlmTowerParameters(model="Qwen/Qwen2.5-VL", **BUDGET),
    ),
    "qwen2_vl": (
        "Qwen/Qwen2-VL",
        vision_language.write_qwen2_vl,
        VlmTowerParameters(model="Qwen/Qwen2-VL", **BUDGET),
    ),
    "llava": (
        "llava-hf/llava-1.5",
        vision_language.write_llava,
        VlmTowerParameters(model="llava-hf/llava-1.5"),
    ),
    "qwen2_5_vl language": (
        "Qwen/Qwen2.5-VL",
        vision_language.write_qwen2_5_vl,
        VlmLanguageParameters(model="Qwen/Qwen2.5-VL", **BUDGET),
    ),
    "llava language": (
        "llava-hf/llava-1.5",
        vision_language.write_llava,
        VlmLanguageParameters(model="llava-hf/llava-1.5"),
    ),
    "qwen_vl_chat": (
        "Qwen/Qwen-VL-Chat",
        vision_language.write_qwen_vl_chat,
        QwenVlChatParameters(model="Qwen/Qwen-VL-Chat"),
    ),
}


def features_of(encoder, seed=0):
    """Encode three photos of noise."""
    built = build_encoder(encoder)
    shape = (3, 1, 3, built.preparation.height, built.preparation.width)
    generator = torch.Generator().manual_seed(seed)
    photos = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return photos, built.encode(photos)


@pytest.mark.parametrize("kind", ENCODERS)
def test_it_is_served_as_it_was_scored(kind, move, tables, more_photos, tmp_path):
    repository, write, encoder = ENCODERS[kind]
    commit = move(repository, write)
    finished = run_member("frozen", tables, tmp_path / "scratch", encoder=encoder)
    move(repository, write, seed=1)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["made_by"]["encoder"]["revision"] == commit
    assert commit in finished.card


def test_a_backbone_of_timm(move, tables, more_photos, tmp_path):
    commit = move(f"timm/{TIMM}", published.write_timm, "test_efficientnet")
    finished = run_member("frozen", tables, tmp_path / "scratch", encoder=timm())
    move(f"timm/{TIMM}", published.write_timm, "test_efficientnet", seed=1)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["made_by"]["encoder"]["revision"] == commit


@pytest.mark.parametrize("model", [TIMM, "hf-hub:someone/backbone"])
@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_timm_gives_the_published_features(publish, tmp_path, model, form):
    import timm as library

    repository = f"timm/{TIMM}" if model == TIMM else "someone/backbone"
    publish(repository, published.write_timm, "test_efficientnet", form, seed=3)
    network = published.write_timm(tmp_path / "again", "test_efficientnet", seed=3)
    photos, features = features_of(timm(model))
    data = library.data.resolve_model_data_config(network)
    mean, std = (torch.tensor(data[name]).view(3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        patches = network.forward_features((photos[:, 0] / 255 - mean) / std)
        expected = network.forward_head(patches, pre_logits=True)
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "kind", ["clip", "siglip", "dinov2", "qwen2_5_vl", "llava", "qwen_vl_chat"]
)
def test_features_do_not_depend_on_the_files_format(publish, kind):
    repository, write, encoder = ENCODERS[kind]
    found = {}
    for form in FORMATS:
        commit = publish(repository, write, form)
        found[form] = features_of(encoder.model_copy(update={"revision": commit}))[1]
    for features in found.values():
        np.testing.assert_allclose(features, found["safetensors"], atol=1e-5)
    assert np.abs(found["safetensors"]).max() > 0


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_a_single_file_of_older_names_is_renamed_as_the_library_does(publish, tmp_path, form):
    """DINOv2's query, key and value have other names in the published file than in the network."""
    publish("facebook/dinov2", published.write_dinov2, form)
    whole = features_of(transformers("facebook/dinov2"))[1]
    published.write_dinov2(tmp_path / "files", form)
    file = (
        tmp_path / "files" / ("model.safetensors" if form == "safetensors" else "pytorch_model.bin")
    )
    alone = features_of(transformers("facebook/dinov2", weights=str(file)))[1]
    np.testing.assert_allclose(alone, whole, atol=1e-5)


def test_position_buffers_in_a_single_file_are_left_out(publish, tmp_path):
    publish("openai/clip", published.write_clip, "safetensors")
    published.write_clip(tmp_path / "files", "safetensors")
    file = tmp_path / "files" / "model.safetensors"
    assert "vision_model.embeddings.position_ids" in load_file(file)
    alone = features_of(transformers("openai/clip", weights=str(file)))[1]
    np.testing.assert_allclose(alone, features_of(transformers("openai/clip"))[1], atol=1e-5)


def test_only_the_shards_that_hold_the_tower_are_needed(publish, hub):
    repository, write, encoder = ENCODERS["qwen_vl_chat"]
    commit = publish(repository, write)
    whole = features_of(encoder)[1]
    language, _ = sorted(hub.snapshot(repository, commit).glob("*.bin"))
    language.unlink()
    np.testing.assert_array_equal(features_of(encoder)[1], whole)


class TestTagsOfOpenClip:
    """Models that open_clip has by name, whose weights a tag finds in a repository."""

    @pytest.fixture(params=["laion/tiny-clip/", "laion/tiny-clip/weights.bin"])
    def tagged(self, request, monkeypatch, publish):
        import open_clip as library

        repository, _, file = request.param.rpartition("/")
        tag = library.pretrained._pcfg(hf_hub=request.param, mean=(0.5, 0.4, 0.3))
        monkeypatch.setitem(library.factory._MODEL_CONFIGS, "ViT-tiny", published.OPEN_CLIP)
        monkeypatch.setitem(library.pretrained._PRETRAINED, "ViT-tiny", {"laion_tiny": tag})

        def write(folder):
            published.write_open_clip(folder, "bin", seed=2)
            if file:
                (folder / "open_clip_pytorch_model.bin").rename(folder / file)

        return publish(repository, write)

    def test_it_is_served_as_it_was_scored(self, tagged, tables, more_photos, tmp_path):
        encoder = open_clip("ViT-tiny", "laion_tiny")
        finished = run_member("frozen", tables, tmp_path / "scratch", encoder=encoder)
        check_served(finished, tables, more_photos)
        assert finished.checkpoint.configuration["made_by"]["encoder"]["revision"] == tagged

    def test_photos_are_normalised_as_the_tag_says(self, tagged, tmp_path):
        import open_clip as library

        published.write_open_clip(tmp_path / "again", "bin", seed=2)
        network = library.create_model(f"local-dir:{tmp_path / 'again'}").eval()
        photos, features = features_of(open_clip("ViT-tiny", "laion_tiny"))
        mean = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)
        std = torch.tensor(library.OPENAI_DATASET_STD).view(3, 1, 1)
        with torch.no_grad():
            expected = network.encode_image((photos[:, 0] / 255 - mean) / std)
        np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)


def test_heads_that_know_names_embed_them_by_a_model_of_the_hub(
    publish, tables, more_photos, tmp_path
):
    publish("openai/clip", published.write_clip)
    commit = publish("snunlp/sentences", write_sentence_model, sentences_about(tables))
    heads = {"kinds": ("name_aware",), "name_weights": (0.3,), "name_model": "snunlp/sentences"}
    encoder = transformers("openai/clip")
    finished = run_member("frozen", tables, tmp_path / "scratch", encoder=encoder, heads=heads)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["made_by"]["name_revision"] == commit
