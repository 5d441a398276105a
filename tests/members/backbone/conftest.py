"""Tiny networks of timm, photos of 32 pixels and five classes."""

import pytest
import torch

from chajong.members.backbone.names import name_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.names.table import class_table

NAMES = (
    "K5_3세대_2020_2023",
    "K5_하이브리드_3세대_2020_2023",
    "더_뉴_그랜저_IG_2020_2023",
    "아이오닉5_2021_2024",
    "박스터_718_2017_2024",
)


@pytest.fixture(scope="session")
def classes():
    return class_table({name: name for name in NAMES})


@pytest.fixture(scope="session")
def names(classes):
    return name_targets(classes, "characters")


@pytest.fixture
def backbone_parameters():
    def make(**changes):
        given = {"model": "test_efficientnet", "weights": "random", "image_size": 32}
        return BackboneParameters(**given | changes)

    return make


@pytest.fixture
def fusion_parameters():
    def make(**changes):
        given = {"model": "test_efficientnet", "weights": "random", "image_size": 32}
        return FusionParameters(**given | changes)

    return make


@pytest.fixture
def batch():
    """Eight photos of the first four classes, two of them mixed, as `forward` takes them."""
    generator = torch.Generator().manual_seed(5)
    photos = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    share = torch.tensor([1, 1, 1, 1, 1, 1, 0.7, 0.4])
    return photos, labels, labels.flip(0), share
