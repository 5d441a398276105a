"""A branch that moves on: what was made stays what it is, and other weights are other weights."""

import pickle

import numpy as np
import published_encoders as published
import published_vision_language as vision_language
import pytest
import torch
from member_chains import (
    check_served,
    run_backbone,
    run_clip,
    run_frozen,
    run_fusion,
    run_vlm,
    sentences_about,
)
from published_sentence_model import write_sentence_model

from chajong.encoders.building import encoder_key
from chajong.encoders.hub import commit_of
from chajong.encoders.parameters import PretrainedParameters, VlmTowerParameters
from chajong.members.backbone.member import backbone_builder, fusion_builder
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.clip.member import clip_builder
from chajong.members.clip.parameters import ClipParameters
from chajong.search.words import WordEncoder

TIMM = "test_efficientnet.r160_in1k"
CLIP = PretrainedParameters(library="transformers", model="openai/clip", zoom=(1.0,))


def write_readme(folder, write, *args, **settings):
    """Write a model and a line about it."""
    write(folder, *args, **settings)
    (folder / "README.md").write_text("Now with a line about the model.")


@pytest.fixture
def move(hub, publish):
    """Return what commits anew, as a program that begins later finds it."""

    def make(repository, write, *args, **settings):
        commit_of.cache_clear()
        return publish(repository, write, *args, **settings)

    return make


@pytest.fixture
def nothing_is_trained(monkeypatch):
    def refuse():
        monkeypatch.setattr(
            "chajong.training.engine.train_here", lambda *_: pytest.fail("a fold was trained again")
        )

    return refuse


class TestKeys:
    def test_other_weights_on_the_branch_are_another_encoder(self, move):
        move("openai/clip", published.write_clip)
        before = encoder_key(CLIP)
        move("openai/clip", published.write_clip, seed=1)
        assert encoder_key(CLIP) != before

    def test_a_pinned_encoder_stays_itself(self, move):
        commit = move("openai/clip", published.write_clip)
        pinned = CLIP.model_copy(update={"revision": commit})
        before = encoder_key(pinned)
        assert encoder_key(CLIP) == before
        move("openai/clip", published.write_clip, seed=1)
        assert encoder_key(pinned) == before

    def test_a_branch_means_one_commit_for_as_long_as_a_program_runs(self, publish):
        publish("openai/clip", published.write_clip)
        before = encoder_key(CLIP)
        publish("openai/clip", published.write_clip, seed=1)
        assert encoder_key(CLIP) == before

    def test_another_branch_can_be_named(self, hub, publish, tmp_path):
        publish("openai/clip", published.write_clip)
        published.write_clip(tmp_path / "converted", "safetensors")
        commit = hub.publish("openai/clip", tmp_path / "converted", branch="refs/pr/4")
        converted = CLIP.model_copy(update={"revision": "refs/pr/4"})
        pinned = CLIP.model_copy(update={"revision": commit})
        assert encoder_key(converted) == encoder_key(pinned) != encoder_key(CLIP)


class TestFinishedFolds:
    """A commit that changes no weights does not cost a training where the commit is pinned."""

    def test_of_a_backbone(self, move, tables, tmp_path, nothing_is_trained):
        settings = ("test_efficientnet",)
        commit = move(f"timm/{TIMM}", published.write_timm, *settings)
        first = run_backbone(tables, tmp_path / "scratch", model=TIMM, revision=commit)
        move(f"timm/{TIMM}", write_readme, published.write_timm, *settings)
        nothing_is_trained()
        again = run_backbone(tables, tmp_path / "scratch", model=TIMM, revision=commit)
        assert again.key == first.key

    def test_of_a_vision_language_model(self, move, tables, tmp_path, nothing_is_trained):
        commit = move("someone/vlm", vision_language.write_qwen2_vl)
        first = run_vlm(tables, tmp_path / "scratch", model="someone/vlm", revision=commit)
        move("someone/vlm", write_readme, vision_language.write_qwen2_vl)
        nothing_is_trained()
        again = run_vlm(tables, tmp_path / "scratch", model="someone/vlm", revision=commit)
        assert again.key == first.key


class TestCheckpoints:
    """What was made from one commit is served from it after the branch has moved on."""

    @pytest.mark.parametrize(
        ("encoder", "write"),
        [
            (CLIP, published.write_clip),
            (
                PretrainedParameters(library="open_clip", model="hf-hub:openai/clip", zoom=(1.0,)),
                published.write_open_clip,
            ),
            (
                VlmTowerParameters(model="openai/clip", max_pixels=56 * 56),
                vision_language.write_qwen2_5_vl,
            ),
        ],
    )
    def test_of_a_frozen_encoder(self, move, tables, more_photos, tmp_path, encoder, write):
        move("openai/clip", write)
        finished = run_frozen(tables, tmp_path / "scratch", encoder)
        move("openai/clip", write, seed=1)
        check_served(finished, tables, more_photos)

    def test_of_clip(self, move, tables, more_photos, tmp_path):
        move("openai/clip", published.write_clip)
        model = {"library": "transformers", "model": "openai/clip", "lora_rank": 2}
        finished = run_clip(tables, tmp_path / "scratch", **model)
        move("openai/clip", published.write_clip, seed=1)
        check_served(finished, tables, more_photos)

    def test_of_fusion_with_names(self, move, tables, more_photos, tmp_path):
        move(f"timm/{TIMM}", published.write_timm, "test_efficientnet")
        move("snunlp/KR-SBERT", write_sentence_model, sentences_about(tables))
        finished = run_fusion(
            tables, tmp_path / "scratch", model=TIMM, name_model="snunlp/KR-SBERT"
        )
        move(f"timm/{TIMM}", published.write_timm, "test_efficientnet", seed=1)
        move("snunlp/KR-SBERT", write_sentence_model, sentences_about(tables), seed=1)
        check_served(finished, tables, more_photos)

    def test_of_a_vision_language_model(self, move, tables, more_photos, tmp_path):
        move("someone/vlm", vision_language.write_llava)
        finished = run_vlm(tables, tmp_path / "scratch", model="someone/vlm")
        move("someone/vlm", vision_language.write_llava, seed=1)
        check_served(finished, tables, more_photos)


def test_words_are_read_by_the_model_that_encoded_the_photos(move):
    commit = move("laion/clip", published.write_open_clip)
    encoder = PretrainedParameters(
        library="open_clip", model="hf-hub:laion/clip", revision=commit, zoom=(1.0,)
    )
    before = WordEncoder(encoder)("a red car")
    move("laion/clip", published.write_open_clip, seed=1)
    np.testing.assert_allclose(WordEncoder(encoder)("a red car"), before, atol=1e-6)


class TestOtherProcesses:
    """A fold's model is built in processes of its own, which ask the hub anew."""

    def built_later(self, builder, move, *again):
        sent = pickle.dumps(builder(0))
        before = builder(0)().state_dict()
        move(*again, seed=1)
        torch.testing.assert_close(pickle.loads(sent)().state_dict(), before, rtol=0, atol=0)

    def test_of_clip(self, move, tables):
        move("openai/clip", published.write_clip)
        model = {"library": "transformers", "model": "openai/clip", "languages": ("english",)}
        builder = clip_builder(ClipParameters(**model), tables)
        self.built_later(builder, move, "openai/clip", published.write_clip)

    @pytest.mark.parametrize("names", [False, True])
    def test_of_a_backbone(self, move, tables, names):
        repository = (f"timm/{TIMM}", published.write_timm, "test_efficientnet")
        move(*repository)
        builder = (
            fusion_builder(FusionParameters(model=TIMM), tables, None)
            if names
            else backbone_builder(BackboneParameters(model=TIMM), tables)
        )
        self.built_later(builder, move, *repository)
