"""The language model's hidden states against the whole model, photo by photo."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import INDEX, WEIGHTS
from chajong.encoders.parameters import VlmLanguageParameters

PROMPT = "이 차의 모델은?"
BUDGET = {"max_pixels": 56 * 84, "aspect_ratio": 1.5}


def parameters(folder, **changes):
    given = {"model": "tiny", "weights": f"{folder}/", "prompt": PROMPT}
    return VlmLanguageParameters(**given | BUDGET | changes)


def photos_of(encoder, count=3):
    shape = (count, 1, 3, encoder.preparation.height, encoder.preparation.width)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def hidden_states(model, processor, photos, prompts):
    """Last hidden states of the whole model and the tokens that are not padding."""
    texts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}],
            add_generation_prompt=True,
        )
        for prompt in prompts
    ]
    inputs = processor(
        images=list(photos), text=texts, do_resize=False, padding=True, return_tensors="pt"
    )
    inputs.pop("token_type_ids", None)
    # Without these a Qwen model would place its tokens in one dimension, and so would any other.
    assert ("mm_token_type_ids" in inputs) == (model.config.model_type != "llava")
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    return out.hidden_states[-1], inputs["attention_mask"].bool()


def pool(hidden, kept, pooling):
    chosen = hidden[kept]
    return chosen[-1] if pooling == "last" else chosen.mean(0)


class TestLanguage:
    @pytest.mark.parametrize("pooling", ["last", "mean"])
    def test_a_batch_has_the_whole_models_states_of_each_photo_alone(self, tiny_vlm, pooling):
        model, processor, folder = tiny_vlm
        encoder = build_encoder(parameters(folder, pooling=pooling))
        photos = photos_of(encoder)
        expected = []
        for photo in photos:
            hidden, kept = hidden_states(model, processor, photo, [PROMPT])
            expected.append(pool(hidden[0], kept[0], pooling))
        np.testing.assert_allclose(
            encoder.encode(photos), torch.stack(expected), rtol=1e-3, atol=1e-4
        )

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_padding_on_either_side_makes_no_difference(self, tiny_vlm, side):
        model, processor, folder = tiny_vlm
        encoder = build_encoder(parameters(folder))
        photos = photos_of(encoder, count=2)
        before, processor.tokenizer.padding_side = processor.tokenizer.padding_side, side
        hidden, kept = hidden_states(model, processor, photos[:, 0], [PROMPT, PROMPT * 3])
        processor.tokenizer.padding_side = before
        assert not kept[0].all()
        np.testing.assert_allclose(
            encoder.encode(photos)[0], pool(hidden[0], kept[0], "last"), rtol=1e-3, atol=1e-4
        )

    def test_the_photo_and_the_prompt_change_the_features(self, tiny_vlm):
        folder = tiny_vlm[2]
        encoder = build_encoder(parameters(folder))
        photos = photos_of(encoder, count=2)
        first, second = encoder.encode(photos)
        assert not np.allclose(first, second, rtol=1e-2)
        other = build_encoder(parameters(folder, prompt="Which car?")).encode(photos)
        assert not np.allclose(first, other[0], rtol=1e-2)

    def test_a_template_that_leaves_the_photo_out_is_refused(self, tiny_vlm, tmp_path):
        folder = shutil.copytree(tiny_vlm[2], tmp_path / "model")
        (folder / "chat_template.jinja").write_text("Which car?")
        with pytest.raises(EncoderError, match=r"'tiny' do not fit its configuration.*total 0"):
            build_encoder(parameters(folder))

    def test_a_processor_of_another_model_is_refused(self, tiny_vlm, tmp_path):
        folder = shutil.copytree(tiny_vlm[2], tmp_path / "model")
        path = folder / "processor_config.json"
        settings = json.loads(path.read_text())
        settings |= {"patch_size": 7}
        settings["image_processor"] |= {"merge_size": 1}
        path.write_text(json.dumps(settings))
        with pytest.raises(EncoderError, match=r"They make \d+ tokens.*where the model makes"):
            build_encoder(parameters(folder))

    def test_weights_that_lack_tensors_are_refused(self, tiny_vlm, tmp_path):
        folder = shutil.copytree(tiny_vlm[2], tmp_path / "model")
        file_of = json.loads((folder / (WEIGHTS[0] + INDEX)).read_text())["weight_map"]
        name = next(name for name in file_of if "o_proj" in name)
        tensors = load_file(folder / file_of[name])
        del tensors[name]
        save_file(tensors or {"another": torch.ones(1)}, folder / file_of[name], {"format": "pt"})
        with pytest.raises(EncoderError, match=r"do not fit: .*o_proj\.weight is missing"):
            build_encoder(parameters(folder))

    def test_a_model_without_a_processor_is_refused(self, tiny_vlm, tmp_path):
        folder = shutil.copytree(tiny_vlm[2], tmp_path / "model")
        for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        with pytest.raises(EncoderError, match="'tiny' could not be loaded"):
            build_encoder(parameters(folder))

    def test_a_model_of_another_kind_is_refused_before_weights_are_read(self, tmp_path):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
        with pytest.raises(EncoderError, match="of the kind 'llama'"):
            build_encoder(parameters(tmp_path))


class TestKey:
    @pytest.mark.parametrize(
        "change", [{"prompt": "Which?"}, {"pooling": "mean"}, {"max_pixels": 56 * 56}]
    )
    def test_what_changes_features_changes_the_key(self, change):
        given = {"model": "owner/model", "revision": "a" * 40}
        assert encoder_key(VlmLanguageParameters(**given)) != encoder_key(
            VlmLanguageParameters(**given | change)
        )


def test_an_encoder_is_let_go(tiny_vlm, watched):
    encoder = build_encoder(parameters(tiny_vlm[2]))
    watched.watch(encoder._answer.__self__)
    encoder.encode(photos_of(encoder))
    del encoder
    assert not watched.in_memory()
