import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from chajong.names.challenge import challenge_names
from tools import tiny_vlm
from tools.tiny_vlm import make_tiny_llava, make_tiny_qwen

MAKERS = {"qwen": make_tiny_qwen, "llava": make_tiny_llava}
CLASSES = {
    "qwen": ("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLProcessor"),
    "llava": ("LlavaForConditionalGeneration", "LlavaProcessor"),
}
PROMPT = "이 차의 이름은?"
SHIPPED_FOLDER = Path(__file__).parents[2] / "data" / "06_models" / "tiny_vlm"


@pytest.fixture(scope="module")
def tiny_folders(tmp_path_factory):
    folders = {}
    for kind, make in MAKERS.items():
        folders[kind] = tmp_path_factory.mktemp("vlm") / kind
        make(folders[kind], [*challenge_names(), PROMPT])
    return folders


@pytest.fixture(scope="module")
def models(tiny_folders):
    return {
        kind: VisionLanguageModel(
            AutoModelForImageTextToText.from_pretrained(folder).eval(),
            AutoProcessor.from_pretrained(folder),
        )
        for kind, folder in tiny_folders.items()
    }


@pytest.fixture(params=CLASSES)
def model(models, request):
    return models[request.param]


@pytest.fixture(scope="module")
def photos():
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in [(40, 60), (56, 28)]]


@pytest.mark.parametrize("kind", CLASSES)
def test_the_auto_classes_load_the_real_architecture(tiny_folders, kind):
    network, processor = (getattr(transformers, name) for name in CLASSES[kind])
    assert type(AutoModelForImageTextToText.from_pretrained(tiny_folders[kind])) is network
    assert type(AutoProcessor.from_pretrained(tiny_folders[kind])) is processor
    configuration = json.loads((tiny_folders[kind] / "config.json").read_text())
    assert configuration["architectures"] == [CLASSES[kind][0]]


def test_any_text_is_spelled_without_unknown_tokens(model):
    tokenizer = model.processor.tokenizer
    text = "그랜저_GN7 Škoda 🚗"
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer.decode(tokens) == text


def test_the_chat_template_has_one_place_for_the_photo(model, photos):
    prompts = model.prepare(photos[:1], ["이 차는?"])
    tokens = prompts.inputs["input_ids"][0]
    image = model.processor.image_token_id
    text = model.processor.tokenizer.decode(tokens)
    assert (tokens == image).sum() > 1
    assert "이 차는?" in text
    assert text.rstrip().casefold().rstrip(":").endswith("assistant")


def test_answers_depend_on_the_photo(model, photos):
    with torch.inference_mode():
        states = model.last_states(model.prepare(photos, [PROMPT] * 2))
        scores = model.logits(states).softmax(dim=1)
    assert (scores[0] - scores[1]).abs().max() > 1e-3


def test_the_same_texts_give_the_same_model(tmp_path):
    for folder in ("one", "two"):
        make_tiny_llava(tmp_path / folder, ["레이", "모닝"])
    files = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("one", "two")]
    assert files[0] == files[1]


def test_photos_of_any_shape_stay_within_the_pixel_budget(models):
    photo = np.zeros((700, 437, 3), np.uint8)
    grid = models["qwen"].prepare([photo], ["?"]).inputs["image_grid_thw"]
    assert grid.prod() * 14 * 14 <= 112 * 112


def test_the_command_line_writes_the_model_that_is_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tiny_vlm", str(tmp_path / "tiny")])
    tiny_vlm.main()
    folders = (tmp_path / "tiny", SHIPPED_FOLDER)
    written, shipped = (load_file(folder / "model.safetensors") for folder in folders)
    torch.testing.assert_close(written, shipped)
    texts = [(folder / "tokenizer.json").read_text(encoding="utf-8") for folder in folders]
    assert json.loads(texts[0]) == json.loads(texts[1])
