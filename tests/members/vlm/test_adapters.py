import re

from chajong.members.vlm.adapters import lora_configuration
from chajong.members.vlm.base_model import load_network
from tools.presets.published import published_configuration
from tools.tiny_vlm import make_tiny_llava


def adapted_names(model):
    return {name.split(".lora_A")[0] for name, _ in model.named_parameters() if "lora_A" in name}


class TestLayers:
    def test_language_layers_and_the_last_vision_blocks_are_changed(self, build):
        model = build(lora={"vision_blocks": 1})
        names = adapted_names(model)
        assert {re.sub(r".*layers\.\d\.", "", name) for name in names if "language" in name} == {
            *(f"self_attn.{part}_proj" for part in "qkvo"),
            *(f"mlp.{part}_proj" for part in ("gate", "up", "down")),
        }
        vision = {re.sub(r".*visual\.", "", name) for name in names if "visual" in name}
        assert vision == {
            f"blocks.1.{part}"
            for part in ("attn.qkv", "attn.proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
        }

    def test_the_vision_tower_has_its_own_rank_and_the_same_scale(self, build):
        model = build(lora={"rank": 4, "alpha": 8, "vision_rank": 2})
        scales = {"visual": set(), "language": set()}
        ranks = {"visual": set(), "language": set()}
        for name, layer in model.named_modules():
            if hasattr(layer, "lora_A"):
                part = "visual" if "visual" in name else "language"
                scales[part].add(layer.scaling["default"])
                ranks[part].add(layer.r["default"])
        assert ranks == {"visual": {2}, "language": {4}}
        assert scales == {"visual": {2.0}, "language": {2.0}}

    def test_the_vision_tower_can_be_left_alone(self, build):
        assert not any("visual" in name for name in adapted_names(build(lora={"vision_blocks": 0})))

    def test_llava_has_the_same_parts(self, build, tmp_path):
        make_tiny_llava(tmp_path, ["a car"])
        names = adapted_names(build(weights=str(tmp_path), max_pixels=28 * 28))
        # Of two blocks the language model reads what the first one gives.
        assert {re.sub(r".*layers\.", "", name)[0] for name in names if "vision_tower" in name} == {
            "0"
        }
        assert any("language_model" in name and "down_proj" in name for name in names)

    def test_the_last_eight_of_the_published_blocks(self, settings):
        network = load_network(settings())
        network.config = published_configuration("Qwen/Qwen2.5-VL-7B-Instruct")
        pattern = lora_configuration(network, settings().lora).target_modules
        matching = [
            block
            for block in range(32)
            if re.fullmatch(pattern, f"model.visual.blocks.{block}.attn.qkv")
        ]
        assert matching == list(range(24, 32))
