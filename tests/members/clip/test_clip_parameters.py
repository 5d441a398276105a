import pytest
from pydantic import ValidationError

from chajong.encoders.parameters import PretrainedParameters
from chajong.members.clip.parameters import ClipParameters


def test_the_source_means_what_it_means_for_an_encoder():
    given = {"library": "open_clip", "model": "ViT-B-32", "weights": "openai", "image_size": 64}
    assert ClipParameters(**given, seed=3).source == PretrainedParameters(**given, seed=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"languages": ()},
        {"wise_ft_alphas": (0.0,)},
        {"wise_ft_alphas": ()},
        {"freeze": ("head",)},
        {"lora_rank": 4, "freeze": ("photo", "text")},
        {"learning_rate": 1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        ClipParameters(library="open_clip", model="ViT-B-32", **wrong)
