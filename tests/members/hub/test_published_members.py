"""Members from weights of the hub: trained, kept, and asked once their branch has moved on."""

import published_encoders as published
import published_vision_language as vision_language
import pytest
from member_chains import check_served, run_member, sentences_about
from published_sentence_model import write_sentence_model
from published_tokenizers import write_clip_tokenizer

TIMM = "test_efficientnet.r160_in1k"


@pytest.mark.parametrize(
    ("library", "model", "write", "form", "lora_rank"),
    [
        ("transformers", "openai/clip", published.write_clip, "bin", 2),
        ("open_clip", "hf-hub:laion/clip", published.write_open_clip, "safetensors", 0),
    ],
)
def test_clip(move, tables, more_photos, tmp_path, library, model, write, form, lora_rank):
    repository = model.removeprefix("hf-hub:")
    commit = move(repository, write, form)
    settings = {"library": library, "model": model, "lora_rank": lora_rank}
    finished = run_member("clip", tables, tmp_path / "scratch", model=settings)
    move(repository, write, form, seed=1)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["model"]["revision"] == commit
    assert commit in finished.card


class TestTagsOfOpenClip:
    """A model that open_clip has by name; its tokenizer lies with the weights, as SigLIP's does."""

    @pytest.fixture
    def commit(self, monkeypatch, publish):
        import open_clip

        text = published.OPEN_CLIP["text_cfg"]
        text = text | {"context_length": 128, "hf_tokenizer_name": "timm/tiny-siglip"}
        model = published.OPEN_CLIP | {"text_cfg": text}
        tag = open_clip.pretrained._pcfg(hf_hub="timm/tiny-siglip/")
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-tiny", model)
        monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-tiny", {"webli": tag})

        def write(folder):
            published.write_open_clip(folder, "safetensors", model=model)
            write_clip_tokenizer(folder)

        return publish("timm/tiny-siglip", write)

    @pytest.mark.parametrize("kind", ["clip", "zero_shot"])
    def test_it_is_served_as_it_was_scored(self, commit, tables, more_photos, tmp_path, kind):
        model = {"library": "open_clip", "model": "ViT-tiny", "weights": "webli"}
        finished = run_member(kind, tables, tmp_path / "scratch", model=model)
        check_served(finished, tables, more_photos)
        assert finished.checkpoint.configuration["model"]["revision"] == commit
        assert commit in finished.card


def test_backbone(move, tables, more_photos, tmp_path):
    backbone = (f"timm/{TIMM}", published.write_timm, "test_efficientnet", "bin")
    commit = move(*backbone)
    finished = run_member("backbone", tables, tmp_path / "scratch", model={"model": TIMM})
    move(*backbone, seed=1)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["model"]["revision"] == commit
    assert commit in finished.card


def test_fusion_with_a_name_model(move, tables, more_photos, tmp_path):
    backbone = (f"timm/{TIMM}", published.write_timm, "test_efficientnet")
    name_model = ("snunlp/KR-SBERT", write_sentence_model, sentences_about(tables))
    commit, names = move(*backbone), move(*name_model)
    model = {"model": TIMM, "name_model": "snunlp/KR-SBERT"}
    finished = run_member("fusion", tables, tmp_path / "scratch", model=model)
    move(*backbone, seed=1)
    move(*name_model, seed=1)
    check_served(finished, tables, more_photos)
    written = finished.checkpoint.configuration["model"]
    assert (written["revision"], written["name_revision"]) == (commit, names)
    assert commit in finished.card
    assert names in finished.card


@pytest.mark.parametrize(
    ("write", "form", "quantisation"),
    [
        (vision_language.write_qwen2_5_vl, "sharded safetensors", "nf4"),
        (vision_language.write_qwen2_vl, "safetensors", "none"),
        (vision_language.write_llava, "sharded bin", "none"),
    ],
)
def test_vision_language(move, tables, more_photos, tmp_path, write, form, quantisation):
    commit = move("someone/vlm", write, form)
    model = {"model": "someone/vlm", "quantisation": quantisation}
    finished = run_member("vlm", tables, tmp_path / "scratch", model=model)
    move("someone/vlm", write, form, seed=1)
    check_served(finished, tables, more_photos)
    assert finished.checkpoint.configuration["model"]["revision"] == commit
    assert commit in finished.checkpoint.configuration["base"]["weights"]
    assert commit in finished.card
