import pytest
import torch

from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.model import VisionLanguageModel


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_prompt_reads_the_same_alone_and_beside_longer_ones(
    model, photos, prompts, side, monkeypatch
):
    monkeypatch.setattr(model.processor.tokenizer, "padding_side", side)
    batch = model.prepare(photos, prompts)
    assert not batch.mask.all()
    with torch.inference_mode():
        together = model.read(batch).states
        alone = [
            model.read(model.prepare([photo], [prompt])).states
            for photo, prompt in zip(photos, prompts, strict=True)
        ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_last_states_are_those_of_the_network_itself(model, photos, prompts):
    batch = model.prepare(photos[:1], prompts[:1])
    with torch.inference_mode():
        expected = model.network.base_model(**batch.inputs).last_hidden_state[:, -1]
        torch.testing.assert_close(model.last_states(batch), expected)


def test_photos_have_a_height_and_a_width_in_the_positions_of_qwen(qwen, photos):
    batch = qwen.prepare(photos[:1], ["?"])
    time, height, width = batch.positions[:, 0]
    image = batch.inputs["input_ids"][0] == qwen.processor.image_token_id
    grid = batch.inputs["image_grid_thw"][0] // 2
    assert len(time[image].unique()) == 1
    assert len(height[image].unique()) == grid[1]
    assert len(width[image].unique()) == grid[2]


def test_an_answer_goes_on_where_the_network_would_place_it(qwen, photos):
    batch = qwen.prepare(photos[:1], ["?"])
    longer = {
        name: torch.cat([batch.inputs[name], torch.full((1, 2), fill)], dim=1)
        for name, fill in [("input_ids", 5), ("attention_mask", 1), ("mm_token_type_ids", 0)]
    }
    expected, _ = qwen.network.base_model.get_rope_index(
        **longer, image_grid_thw=batch.inputs["image_grid_thw"]
    )
    placed = batch.positions_after(torch.tensor([[0, 1]]))
    assert torch.equal(torch.cat([batch.positions, placed], dim=2), expected)


def test_prompts_and_photos_of_different_number_are_refused(model, photos):
    with pytest.raises(VisionLanguageError, match="3 photos and 1 prompts"):
        model.prepare(photos, ["?"])


def test_an_empty_name_is_refused(model):
    with pytest.raises(VisionLanguageError, match="name is empty"):
        model.name_tokens("")


def test_attention_without_a_tree_mask_is_refused(load, monkeypatch):
    network = load("llava").network
    monkeypatch.setattr(
        network.config.get_text_config(), "_attn_implementation", "flash_attention_2"
    )
    with pytest.raises(VisionLanguageError, match="'flash_attention_2' takes no tree mask"):
        VisionLanguageModel(network, None)


def test_a_wrapped_network_is_refused(load):
    from peft import LoraConfig, get_peft_model

    loaded = load("llava")
    wrapped = get_peft_model(loaded.network, LoraConfig(target_modules=["q_proj"], r=2))
    with pytest.raises(VisionLanguageError, match="get_base_model"):
        VisionLanguageModel(wrapped, loaded.processor)
    VisionLanguageModel(wrapped.get_base_model(), loaded.processor)
