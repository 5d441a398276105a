"""Qwen-VL-Chat's tower: sizes, published names, and its parts against obvious code."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from chajong.encoders.building import build_encoder
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import QwenVlChatParameters
from chajong.encoders.qwen_vl_chat import (
    Attention,
    QwenVlChatSizes,
    QwenVlChatTower,
    grid_positions,
    stretch_positions,
)

SMALL = {"image_size": 56, "patch_size": 14, "width": 16, "layers": 2, "heads": 2}
SMALL |= {"mlp_ratio": 4.9231, "output_dim": 128, "n_queries": 9, "image_start_id": 151857}
PUBLISHED = {"heads": 16, "image_size": 448, "image_start_id": 151857, "layers": 48}
PUBLISHED |= {"mlp_ratio": 4.9231, "output_dim": 4096, "patch_size": 14, "width": 1664}


def published_names(layers):
    """Names and shapes as the published checkpoint has them, written out by hand."""
    block = {
        "ln_1.weight": (16,),
        "ln_1.bias": (16,),
        "ln_2.weight": (16,),
        "ln_2.bias": (16,),
        "attn.in_proj.weight": (48, 16),
        "attn.in_proj.bias": (48,),
        "attn.out_proj.weight": (16, 16),
        "attn.out_proj.bias": (16,),
        "mlp.c_fc.weight": (78, 16),
        "mlp.c_fc.bias": (78,),
        "mlp.c_proj.weight": (16, 78),
        "mlp.c_proj.bias": (16,),
    }
    names = {
        "conv1.weight": (16, 3, 14, 14),
        "positional_embedding": (256, 16),
        "ln_pre.weight": (16,),
        "ln_pre.bias": (16,),
        "attn_pool.pos_embed": (9, 128),
        "attn_pool.query": (9, 128),
        "attn_pool.kv_proj.weight": (128, 16),
        "attn_pool.attn.in_proj_weight": (384, 128),
        "attn_pool.attn.in_proj_bias": (384,),
        "attn_pool.attn.out_proj.weight": (128, 128),
        "attn_pool.attn.out_proj.bias": (128,),
        "attn_pool.ln_q.weight": (128,),
        "attn_pool.ln_q.bias": (128,),
        "attn_pool.ln_kv.weight": (128,),
        "attn_pool.ln_kv.bias": (128,),
        "ln_post.weight": (128,),
        "ln_post.bias": (128,),
        "proj": (128, 128),
    }
    blocks = {
        f"transformer.resblocks.{n}.{name}": shape
        for n in range(layers)
        for name, shape in block.items()
    }
    return {f"transformer.visual.{name}": shape for name, shape in {**names, **blocks}.items()}


@pytest.fixture
def folder(tmp_path):
    generator = torch.Generator().manual_seed(2)
    tensors = {
        name: torch.randn(shape, generator=generator) * 0.2
        for name, shape in published_names(SMALL["layers"]).items()
    }
    tensors["transformer.h.0.ln_1.weight"] = torch.ones(32)
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen", "visual": SMALL}))
    return tmp_path


def parameters(folder, **changes):
    return QwenVlChatParameters(weights=f"{folder}/", **changes)


class TestTower:
    def test_the_published_sizes_make_a_tower_of_about_1_9_billion_weights(self):
        with torch.device("meta"):
            tower = QwenVlChatTower(QwenVlChatSizes(**PUBLISHED), "projected")
        count = sum(weight.numel() for weight in tower.parameters())
        assert count == pytest.approx(1.93e9, rel=0.02)
        assert tower.transformer.resblocks[0].mlp.c_fc.out_features == 8192

    @pytest.mark.parametrize(
        ("features", "width"), [("patches", 1664), ("projected", 4096), ("both", 5760)]
    )
    def test_photos_of_448_pixels_have_1024_patches_and_256_queries(self, features, width):
        with torch.device("meta"):
            tower = QwenVlChatTower(QwenVlChatSizes(**PUBLISHED), features)
            patches = tower.encode_patches(torch.zeros(2, 3, 448, 448))
            assert patches.shape == (2, 1024, 1664)
            assert tower.encode_queries(patches).shape == (2, 256, 4096)
            assert tower(torch.zeros(2, 3, 448, 448)).shape == (2, width)

    def test_a_checkpoint_in_the_published_names_is_taken_as_it_is(self, folder):
        encoder = build_encoder(parameters(folder))
        assert (encoder.preparation.height, encoder.preparation.width) == (56, 56)
        photos = torch.randint(0, 256, (3, 1, 3, 56, 56), dtype=torch.uint8)
        encoded = encoder.encode(photos)
        assert encoded.shape == (3, 16 + 128)
        assert np.isfinite(encoded).all()
        assert not np.allclose(encoded[0], encoded[1])
        np.testing.assert_allclose(encoder.encode(photos[1:2])[0], encoded[1], rtol=1e-4, atol=1e-5)

    def test_a_configuration_without_a_tower_is_refused(self, folder):
        (folder / "config.json").write_text('{"model_type": "qwen"}')
        with pytest.raises(EncoderError, match=r"config\.json does not describe a vision tower"):
            build_encoder(parameters(folder))

    def test_weights_of_other_sizes_are_refused(self, folder):
        (folder / "config.json").write_text(json.dumps({"visual": SMALL | {"layers": 3}}))
        with pytest.raises(EncoderError, match=r"do not fit.*Missing key.*resblocks\.2"):
            build_encoder(parameters(folder))


class TestAttention:
    def test_each_head_has_its_query_key_and_value_in_a_row(self):
        attention = Attention(8, 2)
        patches = torch.randn(1, 5, 8)
        heads = []
        for rows in attention.in_proj(patches)[0].split(12, dim=1):
            query, key, value = rows.split(4, dim=1)
            heads.append((query @ key.T / math.sqrt(4)).softmax(1) @ value)
        expected = attention.out_proj(torch.cat(heads, dim=1))
        torch.testing.assert_close(attention(patches)[0], expected)


class TestPositions:
    def test_sines_and_cosines_tell_the_column_first_and_then_the_row(self):
        made = grid_positions(8, 3).view(3, 3, 8)
        for row in range(3):
            for column in range(3):
                expected = [
                    wave(place / 10000 ** (n / 2))
                    for place in (column, row)
                    for wave in (math.sin, math.cos)
                    for n in range(2)
                ]
                np.testing.assert_allclose(made[row, column], expected, rtol=1e-5, atol=1e-6)

    def test_positions_of_their_own_grid_stay(self):
        positions = torch.randn(9, 4)
        assert stretch_positions(positions, 9) is positions

    def test_stretched_positions_keep_their_places(self):
        """A slope stays a slope away from the edges, in both directions."""
        slope = torch.arange(8.0)
        places = torch.stack([slope.repeat_interleave(8), slope.repeat(8)], dim=1)
        made = stretch_positions(places, 256).view(16, 16, 2)
        inner = (torch.arange(16.0) + 0.5) / 2 - 0.5
        torch.testing.assert_close(made[4:12, 8, 0], inner[4:12], atol=0.05, rtol=0)
        torch.testing.assert_close(made[8, 4:12, 1], inner[4:12], atol=0.05, rtol=0)
