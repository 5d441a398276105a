"""What a repository lacks, or must not hold, is said before anything is loaded from it."""

import pickle
import re
from pathlib import Path

import published_encoders as published
import published_vision_language as vision_language
import pytest
import torch
from huggingface_hub.errors import XetDownloadError
from member_chains import check_member, run_member
from published_sentence_model import write_sentence_model

from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import hub_files
from chajong.encoders.parameters import (
    PretrainedParameters,
    QwenVlChatParameters,
    VlmLanguageParameters,
    VlmTowerParameters,
)
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.towers import load_towers
from chajong.members.vlm.base_model import load_network
from chajong.members.vlm.parameters import VlmClassifierParameters

TIMM = "test_efficientnet.r160_in1k"
RANDOM_WITH_NAMES = {"model": "test_efficientnet", "weights": "random", "name_model": "a/model"}


def of_library(library, model):
    return PretrainedParameters(library=library, model=model)


ENCODERS = {
    "transformers": (of_library("transformers", "a/model"), published.write_clip),
    "open_clip": (of_library("open_clip", "hf-hub:a/model"), published.write_open_clip),
    "timm": (of_library("timm", "hf-hub:a/model"), published.write_timm, "test_efficientnet"),
    "tower": (VlmTowerParameters(model="a/model"), vision_language.write_qwen2_5_vl),
    "language": (VlmLanguageParameters(model="a/model"), vision_language.write_qwen2_5_vl),
    "qwen_vl_chat": (QwenVlChatParameters(model="a/model"), vision_language.write_qwen_vl_chat),
}


REFUSED = "nothing but tensors|more than tensors"


class Malicious:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace):
        self._trace = trace

    def __reduce__(self):
        return Path.write_text, (self._trace, "run")


class TestEmptyCache:
    """Without a network and without a download, the message says where to look and what to do."""

    @pytest.fixture(autouse=True)
    def _nothing_is_there(self, hub):
        hub.cache.mkdir()

    @pytest.mark.parametrize("kind", ENCODERS)
    def test_of_an_encoder(self, hub, kind):
        encoder = ENCODERS[kind][0]
        for ask in (encoder_key, build_encoder):
            with pytest.raises(EncoderError, match="'a/model' at revision 'main'") as refused:
                ask(encoder)
            assert str(hub.cache) in str(refused.value)
            assert "hf download a/model --revision main" in str(refused.value)

    @pytest.mark.parametrize(
        ("kind", "model", "missing"),
        [
            ("clip", {"library": "transformers", "model": "a/model"}, "a/model"),
            ("zero_shot", {"library": "transformers", "model": "a/model"}, "a/model"),
            ("backbone", {"model": TIMM}, f"timm/{TIMM}"),
            ("fusion", RANDOM_WITH_NAMES, "a/model"),
            ("vlm", {"model": "a/model"}, "a/model"),
        ],
    )
    def test_of_a_member_at_its_first_node(self, tables, tmp_path, kind, model, missing):
        with pytest.raises(EncoderError, match=f"hf download {missing}"):
            check_member(kind, tables, tmp_path, model=model)

    def test_of_a_commit(self):
        encoder = of_library("transformers", "a/model").model_copy(update={"revision": "0" * 40})
        with pytest.raises(EncoderError, match=f"--revision {'0' * 40}"):
            build_encoder(encoder)


class TestNoWeights:
    @pytest.mark.parametrize("kind", ENCODERS)
    def test_the_message_says_what_there_is(self, publish, kind):
        encoder, write, *args = ENCODERS[kind]

        def without_weights(folder):
            write(folder, *args)
            for file in [*folder.glob("*.bin*"), *folder.glob("*.safetensors*")]:
                file.unlink()
            (folder / "flax_model.msgpack").write_bytes(b"of another library")

        publish("a/model", without_weights)
        with pytest.raises(EncoderError, match=r"holds no weights.*flax_model\.msgpack") as refused:
            build_encoder(encoder)
        assert "a/model at " in str(refused.value)

    def test_of_a_vision_language_model_before_training(self, publish, tables, tmp_path):
        def without_weights(folder):
            vision_language.write_qwen2_vl(folder)
            (folder / "model.safetensors").unlink()

        publish("a/model", without_weights)
        with pytest.raises(EncoderError, match="holds no weights"):
            check_member("vlm", tables, tmp_path, model={"model": "a/model"})

    def test_a_shard_that_is_missing_is_named(self, publish, hub):
        encoder, write = ENCODERS["tower"]
        commit = publish("a/model", write, "sharded safetensors")
        name = "model-00002-of-00002.safetensors"
        (hub.snapshot("a/model", commit) / name).unlink()
        with pytest.raises(EncoderError, match=name):
            build_encoder(encoder)

    def test_a_missing_shard_of_a_vision_language_model_is_named_before_training(
        self, publish, hub, tables, tmp_path
    ):
        commit = publish("a/model", vision_language.write_qwen2_5_vl, "sharded safetensors")
        name = "model-00002-of-00002.safetensors"
        (hub.snapshot("a/model", commit) / name).unlink()
        with pytest.raises(EncoderError, match=name):
            check_member("vlm", tables, tmp_path, model={"model": "a/model"})

    @pytest.mark.parametrize(
        ("setting", "way_out"),
        [
            ("weights", "--local-dir FOLDER` and give FOLDER as `weights`"),
            ("name_model", "--local-dir FOLDER` and give FOLDER as `name_model`"),
            (None, "--revision main` and copy it into that cache"),
        ],
    )
    def test_the_way_out_names_the_setting_that_takes_a_folder(self, hub, setting, way_out):
        with pytest.raises(EncoderError, match=re.escape(way_out)):
            hub_files("a/model", "main", setting)

    @pytest.mark.parametrize("error", [RuntimeError("Data processing error"), XetDownloadError()])
    def test_a_broken_transfer_tells_what_to_do(self, publish, monkeypatch, error):
        publish("a/model", published.write_clip)
        files = hub_files("a/model", "main")

        def break_off(*_, **__):
            raise error

        monkeypatch.setattr("huggingface_hub.snapshot_download", break_off)
        with pytest.raises(EncoderError, match="hf download a/model"):
            files.folder()


class TestPickles:
    """A file that torch wrote may run code when it is opened; only tensors are read from it."""

    @pytest.fixture(params=[True, False], ids=["zip", "plain pickle"])
    def planted(self, request, publish, tmp_path):
        """Return what plants code in a model's weights, and where it would leave its trace."""
        trace = tmp_path / "trace"

        def plant(write, *args):
            def make(folder):
                write(folder, *args)
                for file in folder.glob("*.bin"):
                    held = torch.load(file, weights_only=True)
                    if request.param:
                        torch.save({**held, "more": Malicious(trace)}, file)
                    else:
                        file.write_bytes(pickle.dumps(Malicious(trace), protocol=2))

            publish("a/model", make)
            return trace

        return plant

    @pytest.mark.parametrize("kind", [*ENCODERS])
    def test_of_an_encoder(self, planted, kind):
        encoder, write, *args = ENCODERS[kind]
        form = "bin" if kind != "qwen_vl_chat" else "sharded bin"
        trace = planted(write, *args, form)
        with pytest.raises(EncoderError, match=REFUSED):
            build_encoder(encoder)
        assert not trace.exists()

    def test_of_a_clip_model(self, planted):
        trace = planted(published.write_clip)
        with pytest.raises(EncoderError, match=REFUSED):
            load_towers(ClipParameters(library="transformers", model="a/model"))
        assert not trace.exists()

    def test_of_a_name_model(self, planted, tables, tmp_path):
        trace = planted(write_sentence_model, ["a name"])
        with pytest.raises(OSError, match=REFUSED):
            run_member("fusion", tables, tmp_path / "scratch", model=RANDOM_WITH_NAMES)
        assert not trace.exists()

    def test_of_a_vision_language_model(self, planted):
        trace = planted(vision_language.write_llava, "bin")
        with pytest.raises(EncoderError, match=REFUSED):
            load_network(VlmClassifierParameters(model="a/model", quantisation="none"))
        assert not trace.exists()
