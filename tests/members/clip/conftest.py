"""Tiny models of every kind, made on the spot."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import ClassPrompts
from tools.small_clip import SmallClipParameters, make_small_clip, train_tokenizer

PROMPTS = ClassPrompts(
    korean=(
        ("기아 레이 자동차 사진", "기아 레이의 외관"),
        ("현대 쏘나타 사진",),
        ("제네시스 사진",),
    ),
    english=(
        ("a photo of a Kia Ray",),
        ("a photo of a Hyundai Sonata",),
        ("an exterior", "a GV80"),
    ),
)
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


@pytest.fixture(scope="session")
def sentences():
    return [text for of_class in PROMPTS.in_languages(("korean", "english")) for text in of_class]


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("small")
    make_small_clip(sentences, folder, TINY)
    return folder


@pytest.fixture(scope="session")
def convnext_folder(tmp_path_factory, sentences):
    """Both towers have linear layers in their blocks, and all of them matter."""
    folder = tmp_path_factory.mktemp("convnext")
    make_small_clip(sentences, folder, TINY.model_copy(update={"photo_model": "test_convnext"}))
    file = folder / "open_clip_model.safetensors"
    weights = load_file(file)
    # ConvNeXt starts with blocks that are scaled to a millionth.
    ones = {name: torch.ones_like(part) for name, part in weights.items() if "gamma" in name}
    assert ones
    save_file(weights | ones, file)
    return folder


@pytest.fixture(scope="session")
def transformers_folders(tmp_path_factory, sentences):
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        Dinov2Config,
        Dinov2Model,
        SiglipConfig,
        SiglipModel,
    )

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = {**small, "intermediate_size": 24, "image_size": 32, "patch_size": 16}
    text = {**small, "intermediate_size": 24, "vocab_size": 330, "max_position_embeddings": 64}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 3, "projection_size": 16}
    torch.manual_seed(5)
    models = {
        "clip": CLIPModel(
            CLIPConfig(
                vision_config=vision, text_config=text | {"eos_token_id": 2}, projection_dim=8
            )
        ),
        "siglip": SiglipModel(SiglipConfig(vision_config=vision, text_config=text)),
        "dinov2": Dinov2Model(Dinov2Config(**small, image_size=32, patch_size=16, mlp_ratio=1)),
    }
    folders = {}
    for kind, model in models.items():
        folders[kind] = tmp_path_factory.mktemp(kind)
        model.save_pretrained(folders[kind])
        train_tokenizer(sentences, 330, 64).save_pretrained(folders[kind])
        CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ).save_pretrained(folders[kind])
    return folders


@pytest.fixture(scope="session")
def prompts():
    return PROMPTS


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def parameters_of():
    """Return a maker of parameters for a folder of open_clip."""

    def make(folder, **changes):
        given = {"library": "open_clip", "model": f"local-dir:{folder}", "weights": str(folder)}
        return ClipParameters(**given | changes)

    return make


@pytest.fixture(scope="session")
def photos():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 3, 32, 48), dtype=torch.uint8, generator=generator)
