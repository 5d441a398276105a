import pytest
import torch
from transformers import AutoModelForImageTextToText

from tools.presets.published import LLAVA, QWEN, published_configuration

QWEN_7B, QWEN_3B = QWEN
(LLAVA_7B,) = LLAVA


# How many parameters the hub's pages say that the models have.
@pytest.mark.parametrize(
    ("model", "count"),
    [(QWEN_7B, 8_292_166_656), (QWEN_3B, 3_754_622_976), (LLAVA_7B, 7_063_427_072)],
)
def test_a_published_configuration_has_as_many_parameters_as_the_hub_says(model, count):
    with torch.device("meta"):
        network = AutoModelForImageTextToText.from_config(published_configuration(model))
    assert sum(weight.numel() for weight in network.parameters()) == count


def test_a_published_configuration_can_be_changed_without_changing_the_next():
    changed = published_configuration(QWEN_7B)
    changed.text_config.rope_parameters["mrope_section"][0] = 0
    changed.vision_config.fullatt_block_indexes.clear()
    fresh = published_configuration(QWEN_7B)
    assert fresh.text_config.rope_parameters["mrope_section"] == [16, 24, 24]
    assert fresh.vision_config.fullatt_block_indexes == [7, 15, 23, 31]
