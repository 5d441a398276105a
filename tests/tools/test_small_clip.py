import json
import sys
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from chajong.encoders.building import build_encoder
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import PretrainedParameters
from chajong.members.checkpoint import write_checkpoint
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.clip.towers import load_towers
from chajong.members.trained.checkpoint import Proof, trained_checkpoint
from chajong.members.trained.views import log_probability_views
from chajong.names.table import class_table
from chajong.training.moving_average import trained_weights
from tools import small_clip
from tools.small_clip import (
    SmallClipParameters,
    export_small_clip,
    make_small_clip,
    train_tokenizer,
)

SENTENCES = ["기아 레이 자동차 사진", "a photo of a Kia Ray", "현대 쏘나타 사진", "an exterior"]
TOKENIZER = train_tokenizer(SENTENCES[:2], 330, 64)
TINY = SmallClipParameters(
    photo_model="test_byobnet",
    height=32,
    width=48,
    embedding=16,
    text_width=16,
    text_layers=2,
    text_heads=2,
    vocabulary=330,
    context=64,
)
SHIPPED_FOLDER = Path(__file__).parents[2] / "data" / "06_models" / "small_clip"


def parameters_of(folder, **changes):
    given = {"library": "open_clip", "model": f"local-dir:{folder}", "weights": str(folder)}
    return ClipParameters(**given | changes)


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    make_small_clip(SENTENCES, folder, TINY)
    return folder


class TestTokenizer:
    @given(st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
    def test_any_text_can_be_spelt_and_read_back(self, text):
        if any(mark in text for mark in ("<padding>", "<start>", "<end>")):
            return
        tokens = TOKENIZER(text).input_ids
        read = TOKENIZER.decode(tokens, skip_special_tokens=True)
        expected = unicodedata.normalize("NFC", text).lower()
        assert TOKENIZER.decode(TOKENIZER(expected).input_ids, skip_special_tokens=True) == read
        assert read.split() == expected.split()

    def test_decomposed_hangul_is_the_same_text(self):
        text = "기아 레이"
        decomposed = unicodedata.normalize("NFD", text)
        assert TOKENIZER(text).input_ids == TOKENIZER(decomposed).input_ids

    def test_a_sentence_is_framed(self):
        tokens = TOKENIZER("기아").input_ids
        assert TOKENIZER.convert_ids_to_tokens([tokens[0], tokens[-1]]) == ["<start>", "<end>"]

    def test_known_words_take_fewer_tokens_than_bytes(self):
        assert len(TOKENIZER("기아 레이").input_ids) < len("기아 레이".encode())

    def test_the_vocabulary_keeps_its_bound(self):
        assert len(train_tokenizer(SENTENCES, 300, 64)) <= 300


class TestSmallClip:
    def test_padding_does_not_change_an_embedding(self, small_folder):
        towers = load_towers(parameters_of(small_folder)).eval()
        padded = towers.tokenize(SENTENCES)
        for tokens in padded:
            end = tokens.tolist().index(2)
            other = tokens.clone()
            other[end + 1 :] = 9
            with torch.no_grad():
                expected = towers.encode_texts(tokens[None])
                torch.testing.assert_close(towers.encode_texts(other[None]), expected)

    def test_every_token_of_a_sentence_counts(self, small_folder):
        towers = load_towers(parameters_of(small_folder)).eval()
        tokens = towers.tokenize(SENTENCES[:1])
        end = tokens[0].tolist().index(2)
        with torch.no_grad():
            expected = towers.encode_texts(tokens)
            for position in range(end):
                other = tokens.clone()
                other[0, position] = 9
                assert not torch.allclose(towers.encode_texts(other), expected, atol=1e-5)

    def test_it_depends_on_the_seed_only(self, small_folder, tmp_path):
        make_small_clip(SENTENCES, tmp_path / "again", TINY)
        make_small_clip(SENTENCES, tmp_path / "other", TINY.model_copy(update={"seed": 1}))
        first, again, other = (
            load_file(folder / "open_clip_model.safetensors")
            for folder in (small_folder, tmp_path / "again", tmp_path / "other")
        )
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["text_projection"], other["text_projection"])

    def test_a_photo_model_of_one_size_is_refused(self, tmp_path):
        wrong = TINY.model_copy(update={"photo_model": "test_vit"})
        with pytest.raises(EncoderError, match="'test_vit' takes photos of one size only"):
            make_small_clip(SENTENCES, tmp_path, wrong)


class TestExport:
    @pytest.fixture
    def exported(self, small_folder, tmp_path):
        towers = load_towers(parameters_of(small_folder)).eval()
        with torch.no_grad():
            towers.network.text_projection.add_(0.1)
        export_small_clip(towers.network, small_folder, tmp_path / "trained")
        return towers, tmp_path / "trained"

    def test_it_opens_as_float32_with_the_trained_weights(self, exported):
        towers, folder = exported
        opened = load_towers(parameters_of(folder)).eval()
        assert {weight.dtype for weight in opened.parameters()} == {torch.float32}
        tokens = opened.tokenize(SENTENCES)
        with torch.no_grad():
            torch.testing.assert_close(
                opened.encode_texts(tokens), towers.encode_texts(tokens), rtol=1e-2, atol=1e-2
            )

    def test_what_describes_an_earlier_model_stays(self, exported, small_folder):
        towers, folder = exported
        (folder / "README.md").write_text("its figures")
        export_small_clip(towers.network, small_folder, folder)
        assert (folder / "README.md").read_text() == "its figures"

    def test_an_export_that_fails_leaves_the_earlier_model(
        self, exported, small_folder, monkeypatch
    ):
        def full_disk(_, path):
            path.write_bytes(b"half a model")
            raise OSError("No space left on device")

        towers, folder = exported
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        monkeypatch.setattr(small_clip, "save_file", full_disk)
        with pytest.raises(OSError, match="is full"):
            export_small_clip(towers.network, small_folder, folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert list(folder.parent.iterdir()) == [folder]

    def test_floats_are_written_as_float16(self, exported):
        tensors = load_file(exported[1] / "open_clip_model.safetensors")
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16, torch.int64}

    def test_a_frozen_encoder_opens_it(self, exported):
        _, folder = exported
        encoder = build_encoder(
            PretrainedParameters(
                library="open_clip",
                model=f"local-dir:{folder}",
                weights=str(folder),
                zoom=(1.0,),
            )
        )
        features = encoder.encode(torch.zeros(4, 1, 3, 32, 48, dtype=torch.uint8))
        assert features.shape == (4, 16)
        assert features.dtype == "float32"

    def test_a_weight_that_float16_cannot_hold_is_named(self, small_folder, tmp_path):
        towers = load_towers(parameters_of(small_folder))
        with torch.no_grad():
            towers.network.text_projection[0, 0] = 1e6
        with pytest.raises(EncoderError, match="text_projection holds a number"):
            export_small_clip(towers.network, small_folder, tmp_path)


def test_the_default_model_is_under_eight_megabytes_in_float16(tmp_path):
    import open_clip

    settings = SmallClipParameters()
    make_small_clip(SENTENCES, tmp_path, settings)
    network = open_clip.create_model(f"local-dir:{tmp_path}", load_weights=False)
    count = sum(tensor.numel() for tensor in network.state_dict().values())
    missing_tokens = settings.vocabulary - network.token_embedding.num_embeddings
    assert count + missing_tokens * settings.text_width < 4_000_000


class TestCommandLine:
    @pytest.fixture
    def run(self, monkeypatch):
        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["small_clip", *map(str, arguments)])
            small_clip.main()

        return run

    def test_start_writes_what_the_shipped_model_began_as(self, run, tmp_path):
        run("start", tmp_path / "start")
        for file in ("open_clip_config.json", "tokenizer.json"):
            written, shipped = (
                json.loads((folder / file).read_text(encoding="utf-8"))
                for folder in (tmp_path / "start", SHIPPED_FOLDER)
            )
            assert written == shipped

    def test_ship_writes_the_trained_model_of_the_first_fold(self, run, tmp_path):
        make_small_clip(SENTENCES, tmp_path / "start", TINY)
        names = ["K5_3세대_2020_2022", "쏘나타_2019_2023"]
        trained, checkpoint = trained_models(parameters_of(tmp_path / "start"), names)
        write_checkpoint(checkpoint, tmp_path / "06_models/clip/checkpoint/run/checkpoint")
        run("ship", tmp_path, tmp_path / "shipped")
        opened = load_towers(parameters_of(tmp_path / "shipped")).network.state_dict()
        expected = trained[1].towers.network.state_dict()
        torch.testing.assert_close(opened, expected, rtol=1e-3, atol=1e-3)


def trained_models(parameters, names):
    """Two fold models that differ, and their checkpoint."""
    prompts = class_prompts(class_table({name: name for name in names}))
    photos = torch.zeros(2, len(parameters.zoom), 3, TINY.height, TINY.width, dtype=torch.uint8)
    proof, models, scores = Proof(("a", "b"), photos), {}, {}
    for fold in (1, 2):
        models[fold] = build_clip_classifier(parameters, prompts).eval()
        with torch.no_grad():
            models[fold].towers.network.text_projection.add_(0.1 * fold)
        scores[fold] = log_probability_views(models[fold], parameters).encode_exactly(photos)
    weights = {
        fold: {name: part.clone() for name, part in trained_weights(model).items()}
        for fold, model in models.items()
    }
    configuration = {"model": parameters.model_dump(mode="json"), "class_names": names}
    return models, trained_checkpoint(weights, proof, scores, configuration)
