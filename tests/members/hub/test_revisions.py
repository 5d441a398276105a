"""A branch that moves on: other weights are other weights, and the same are not trained again."""

import pickle

import numpy as np
import published_encoders as published
import published_vision_language as vision_language
import pytest
import torch
from member_chains import run_member

from chajong.encoders.building import encoder_key
from chajong.encoders.parameters import PretrainedParameters
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

    @pytest.mark.parametrize(
        ("kind", "repository", "model", "write"),
        [
            ("backbone", f"timm/{TIMM}", TIMM, (published.write_timm, "test_efficientnet")),
            ("vlm", "someone/vlm", "someone/vlm", (vision_language.write_qwen2_vl,)),
        ],
    )
    def test_it_is_not_trained_again(
        self, move, tables, tmp_path, monkeypatch, kind, repository, model, write
    ):
        pinned = {"model": model, "revision": move(repository, *write)}
        first = run_member(kind, tables, tmp_path / "scratch", model=pinned)
        move(repository, write_readme, *write)
        monkeypatch.setattr(
            "chajong.training.engine.train_here", lambda *_: pytest.fail("a fold was trained again")
        )
        again = run_member(kind, tables, tmp_path / "scratch", model=pinned)
        assert again.key == first.key


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
