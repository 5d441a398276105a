import pytest
import timm

from chajong.members.clip.depths import depths_from_names, tower_depths, tower_of

EXPECTED = {
    "ViT of open_clip": {
        "visual.class_embedding": 0,
        "visual.positional_embedding": 0,
        "visual.conv1.weight": 0,
        "visual.ln_pre.weight": 0,
        "visual.transformer.resblocks.0.attn.in_proj_weight": 1,
        "visual.transformer.resblocks.1.mlp.c_fc.weight": 2,
        "visual.ln_post.weight": 3,
        "visual.proj": 3,
    },
    "ResNet of open_clip": {
        "visual.conv2.weight": 0,
        "visual.bn3.weight": 0,
        "visual.layer1.0.conv1.weight": 1,
        "visual.layer1.1.conv1.weight": 2,
        "visual.layer2.0.downsample.0.weight": 3,
        "visual.attnpool.positional_embedding": 4,
    },
    "text tower of open_clip": {
        "positional_embedding": 0,
        "token_embedding.weight": 0,
        "transformer.resblocks.0.ln_1.weight": 1,
        "transformer.resblocks.10.ln_1.weight": 2,
        "ln_final.weight": 3,
        "text_projection": 3,
    },
    "SigLIP of timm": {
        "visual.trunk.pos_embed": 0,
        "visual.trunk.patch_embed.proj.weight": 0,
        "visual.trunk.blocks.0.mlp.fc1.weight": 1,
        "visual.trunk.attn_pool.latent": 2,
        "visual.trunk.attn_pool.mlp.fc1.weight": 2,
    },
    "transformers": {
        "vision_model.embeddings.class_embedding": 0,
        "vision_model.embeddings.patch_embedding.weight": 0,
        "vision_model.pre_layrnorm.weight": 0,
        "vision_model.encoder.layers.0.self_attn.k_proj.weight": 1,
        "vision_model.post_layernorm.weight": 2,
        "visual_projection.weight": 2,
    },
    "BERT": {
        "text.transformer.embeddings.LayerNorm.weight": 0,
        "text.transformer.encoder.layer.0.output.dense.weight": 1,
        "text.proj.weight": 2,
    },
}


@pytest.mark.parametrize("network", EXPECTED)
def test_depths_follow_the_names(network):
    assert depths_from_names(EXPECTED[network]) == EXPECTED[network]


@pytest.mark.parametrize(
    ("model", "last"),
    [("regnetx_002", 14), ("test_convnext", 13), ("test_efficientnet", 6), ("test_vit", 7)],
)
def test_depths_rise_along_timm_models(model, last):
    names = [name for name, _ in timm.create_model(model).named_parameters()]
    depths = list(depths_from_names(names).values())
    assert depths == sorted(depths)
    assert set(depths) == set(range(last + 1))


def test_towers_end_at_the_same_depth():
    depths = tower_depths(
        [
            "visual.conv1.weight",
            *(f"visual.transformer.resblocks.{block}.ln_1.weight" for block in range(3)),
            "visual.proj",
            "token_embedding.weight",
            "transformer.resblocks.0.ln_1.weight",
            "text_projection",
            "logit_scale",
        ]
    )
    assert list(depths.values()) == [0, 1, 2, 3, 4, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("name", "tower"),
    [
        ("towers.network.visual.transformer.resblocks.0.ln_1.weight", "photo"),
        ("network.model.transformer.resblocks.0.ln_1.weight", "text"),
        ("text.transformer.encoder.layer.0.output.dense.weight", "text"),
        ("vision_model.embeddings.class_embedding", "photo"),
        ("text_model.embeddings.token_embedding.weight", "text"),
        ("logit_scale", None),
        ("network", None),
    ],
)
def test_a_tower_is_told_from_the_name(name, tower):
    assert tower_of(name) == tower
