"""A local folder that describes a model and holds no weights is refused, whoever reads it."""

import json
from dataclasses import dataclass

import pytest

from chajong.encoders.building import build_encoder
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.published import name_model_source
from chajong.inside import OutsideError

OPEN_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 2, "layers": 1},
}


@dataclass(frozen=True)
class Names:
    name_model: str
    name_revision: str = "main"


def write_open_clip(folder, **text):
    described = {**OPEN_CLIP, "text_cfg": {**OPEN_CLIP["text_cfg"], **text}}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": described}))


def load(library, model, weights):
    return build_encoder(PretrainedParameters(library=library, model=model, weights=weights))


def load_open_clip(folder):
    return load("open_clip", "any", f"{folder}/")


def load_transformers(folder):
    from transformers import CLIPImageProcessor, Dinov2Config

    Dinov2Config(hidden_size=32, num_hidden_layers=1).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    return load("transformers", str(folder), "hub")


def load_names(folder):
    (folder / "modules.json").write_text(json.dumps([{"path": ""}, {"path": "1_Pooling"}]))
    (folder / "config.json").write_text("{}")
    return name_model_source(Names(str(folder)))


LOADERS = {
    "timm": lambda folder: load("timm", "test_efficientnet", f"{folder}/"),
    "open_clip": load_open_clip,
    "open_clip, by its model": lambda folder: load("open_clip", f"local-dir:{folder}", "hub"),
    "transformers": load_transformers,
    "SentenceTransformer": load_names,
}


@pytest.mark.parametrize("library", LOADERS)
@pytest.mark.parametrize("other", ["", "weights.txt", "training_state.safetensors.tmp"])
def test_a_folder_without_weights_is_refused(library, other, tmp_path):
    folder = tmp_path / "내 모델"
    folder.mkdir()
    write_open_clip(folder)
    if other:
        (folder / other).write_bytes(b"0" * 100)
    with pytest.raises(EncoderError, match=r"내 모델 holds no weights under a name.*it holds"):
        LOADERS[library](folder)


def test_an_empty_file_of_weights_is_refused_with_the_cure(tmp_path):
    write_open_clip(tmp_path)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"")
    with pytest.raises(EncoderError, match="fetch them again"):
        load_open_clip(tmp_path)


def test_a_description_that_asks_for_its_own_code_is_refused(tmp_path):
    write_open_clip(tmp_path, tokenizer_kwargs={"trust_remote_code": True})
    with pytest.raises(EncoderError, match=r"open_clip_config\.json asks for code"):
        load("open_clip", f"local-dir:{tmp_path}", "random")


def test_an_index_names_no_file_elsewhere(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.safetensors").write_bytes(b"0")
    index = {"weight_map": {"a": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(OutsideError, match=r"\.\./outside\.safetensors"):
        load_transformers(folder)


@pytest.mark.parametrize("path", ["../other", "/etc", "..\\other"])
def test_layers_of_a_name_model_lie_in_its_folder(path, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"0")
    (tmp_path / "modules.json").write_text(json.dumps([{"path": ""}, {"path": path}]))
    with pytest.raises(OutsideError):
        name_model_source(Names(str(tmp_path)))
