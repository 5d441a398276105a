import pytest
from pydantic import ValidationError

from chajong.training.parameters import (
    AugmentationParameters,
    MixingParameters,
    TrainingParameters,
)


@pytest.mark.parametrize("name", ["crop_area", "brightness", "jpeg_quality"])
def test_an_interval_names_its_lower_end_first(name):
    with pytest.raises(ValidationError, match="lower end first"):
        AugmentationParameters(**{name: (1, 0.5) if name != "jpeg_quality" else (90, 50)})


def test_a_crop_cannot_be_larger_than_the_photo():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        AugmentationParameters(crop_area=(0.5, 1.5))


def test_probabilities_of_mixing_do_not_exceed_one():
    with pytest.raises(ValidationError, match="must not exceed 1 together"):
        MixingParameters(cutmix=0.7, mixup=0.7)


def test_the_average_looks_back_on_a_twentieth_of_the_steps_at_most():
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.05"):
        TrainingParameters(average_horizon=0.2)
