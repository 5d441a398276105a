"""What is fetched from a hub that answers: what is needed, and nothing behind one's back."""

import numpy as np
import published_encoders as published
import published_vision_language as vision_language
import pytest
from fake_hub import FakeHub
from hub_server import serve
from published_sentence_model import write_sentence_model

from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import commit_of, resolve_commit
from chajong.encoders.parameters import PretrainedParameters, QwenVlChatParameters
from chajong.encoders.published import name_model_source
from chajong.members.backbone.parameters import FusionParameters
from chajong.names.embedding import embed_names

CLIP = PretrainedParameters(library="transformers", model="openai/clip")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub that answers, and an empty cache."""
    FakeHub(tmp_path / "cache").use(monkeypatch)
    commit_of.cache_clear()
    with serve(FakeHub(tmp_path / "remote")) as running:
        running.use(monkeypatch)
        yield running
    commit_of.cache_clear()


@pytest.fixture
def upload(server, tmp_path):
    def make(repository, write, *args, more=(), **settings):
        folder = tmp_path / f"files {len(list(tmp_path.iterdir()))}"
        write(folder, *args, **settings)
        for name in more:
            (folder / name).write_bytes(b"not needed")
        return server.hub.publish(repository, folder)

    return make


def weights(server):
    return [name for name in server.fetched if not name.endswith((".json", ".txt"))]


def test_of_several_formats_one_is_fetched(upload, server):
    others = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack")
    upload("openai/clip", published.write_clip, "safetensors", more=others)
    build_encoder(CLIP)
    assert weights(server) == ["model.safetensors"]


def test_no_service_is_asked_to_convert_weights(upload, server):
    """transformers asks one for safetensors of a repository that has none."""
    upload("openai/clip", published.write_clip, "bin", more=("tf_model.h5",))
    build_encoder(CLIP)
    assert weights(server) == ["pytorch_model.bin"]
    assert not server.unknown


def test_what_was_fetched_is_enough_without_a_network(upload, server, monkeypatch):
    upload("openai/clip", published.write_clip)
    before = encoder_key(CLIP)
    build_encoder(CLIP)
    fetched = list(server.fetched)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit_of.cache_clear()
    build_encoder(CLIP)
    assert encoder_key(CLIP) == before
    assert server.fetched == fetched


def test_a_branch_is_asked_for_anew_by_the_next_program(upload):
    first = upload("openai/clip", published.write_clip)
    assert resolve_commit("openai/clip", "main") == first
    second = upload("openai/clip", published.write_clip, seed=1)
    commit_of.cache_clear()
    assert resolve_commit("openai/clip", "main") == second


def test_shards_of_the_language_model_are_not_fetched(upload, server):
    upload("Qwen/Qwen-VL-Chat", vision_language.write_qwen_vl_chat)
    build_encoder(QwenVlChatParameters())
    assert weights(server) == ["pytorch_model-00002-of-00002.bin"]


def test_every_layer_of_a_name_model_is_fetched(upload, server, tmp_path):
    """Some put a layer with weights of its own after the mean of the tokens."""
    upload("someone/sentences", write_sentence_model, "a photo", dense=True)
    settings = FusionParameters(model="test_vit", name_model="someone/sentences")
    fetched = embed_names(["a photo"], name_model_source(settings))
    write_sentence_model(tmp_path / "whole", "a photo", dense=True)
    np.testing.assert_allclose(fetched, embed_names(["a photo"], str(tmp_path / "whole")))


def test_a_repository_that_does_not_exist_is_named(server):
    with pytest.raises(EncoderError, match="'openai/clip' at revision 'main'"):
        build_encoder(CLIP)


def test_a_revision_that_does_not_exist_is_named(upload):
    upload("openai/clip", published.write_clip)
    with pytest.raises(EncoderError, match="'openai/clip' at revision 'v2'"):
        build_encoder(CLIP.model_copy(update={"revision": "v2"}))
