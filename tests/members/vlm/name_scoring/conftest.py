"""Each tiny model made once, and what photos and prompts are asked about."""

import numpy as np
import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from chajong.names.challenge import challenge_names
from tools.tiny_vlm import make_tiny_llava, make_tiny_qwen

MAKERS = {"qwen": make_tiny_qwen, "llava": make_tiny_llava}
PROMPTS = (
    "이 차의 이름은?",
    "사진 속 자동차의 정확한 이름을 하나만 고르세요.",
    "What car is this?",
)


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory):
    folders = {}
    for kind, make in MAKERS.items():
        folders[kind] = tmp_path_factory.mktemp("vlm") / kind
        make(folders[kind], [*challenge_names(), *PROMPTS])
    return folders


@pytest.fixture(scope="session")
def load(tiny_folders):
    """Return what loads a tiny model anew."""

    def of(kind, **settings):
        network = AutoModelForImageTextToText.from_pretrained(tiny_folders[kind], **settings)
        processor = AutoProcessor.from_pretrained(tiny_folders[kind])
        return VisionLanguageModel(network.eval(), processor)

    return of


@pytest.fixture(scope="session", params=list(MAKERS))
def model(load, request):
    return load(request.param)


@pytest.fixture(scope="session")
def qwen(load):
    return load("qwen")


@pytest.fixture(scope="session")
def photos():
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in [(40, 60), (56, 28)]] + [
        np.full((60, 90, 3), (180, 20, 20), np.uint8)
    ]


@pytest.fixture(scope="session")
def prompts():
    return list(PROMPTS)


@pytest.fixture(scope="session")
def candidates():
    """Names of several lengths, of which some begin others, differing between photos."""
    names = challenge_names()
    return [
        ["K", "K5", "K5_3세대", *names[:5]],
        ["쏘나타", "쏘", "쏘나타_2020", *names[100:105]],
        list(reversed(names[200:208])),
    ]
