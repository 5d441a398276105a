import json

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForImageTextToText, AutoProcessor

CLASSES = {
    "qwen": ("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLProcessor"),
    "llava": ("LlavaForConditionalGeneration", "LlavaProcessor"),
}


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


def test_answers_depend_on_the_photo(model, photos, prompts):
    with torch.inference_mode():
        states = model.last_states(model.prepare(photos, prompts[:1] * 3))
        scores = model.logits(states).softmax(dim=1)
    assert (scores[0] - scores[2]).abs().max() > 1e-3


def test_the_same_texts_give_the_same_model(tmp_path, tiny_folders):
    from tools.tiny_vlm import make_tiny_llava

    for folder in ("one", "two"):
        make_tiny_llava(tmp_path / folder, ["레이", "모닝"])
    files = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("one", "two")]
    assert files[0] == files[1]


def test_photos_of_any_shape_stay_within_the_pixel_budget(qwen):
    photo = np.zeros((700, 437, 3), np.uint8)
    grid = qwen.prepare([photo], ["?"]).inputs["image_grid_thw"]
    assert grid.prod() * 14 * 14 <= 112 * 112
