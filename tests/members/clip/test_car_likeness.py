import numpy as np
import pytest
from scipy.special import softmax

from chajong.members.clip.car_likeness import (
    EXTERIOR,
    NO_EXTERIOR,
    car_likeness,
    exterior_probability,
)


class Classifier:
    """A CLIP whose texts lie along the axes."""

    def __init__(self, width: int) -> None:
        self.asked: list[object] = []
        self.width = width

    def prompt_embeddings(self, prompts):
        import torch

        self.asked.extend(prompts)
        return torch.eye(len(prompts))[:, : self.width]

    def scale(self) -> float:
        return 10.0


def test_a_photo_near_an_exterior_text_is_a_car():
    kinds = len(EXTERIOR) + len(NO_EXTERIOR)
    classifier = Classifier(kinds)
    likeness = car_likeness(3 * np.eye(kinds, dtype=np.float32), classifier)
    assert (likeness[: len(EXTERIOR)] > 0.99).all()
    assert (likeness[len(EXTERIOR) :] < 0.01).all()
    assert classifier.asked == [*EXTERIOR, *NO_EXTERIOR]


def test_the_probability_equals_the_obvious_sum_whatever_the_length():
    random = np.random.default_rng(0)
    photos = random.normal(size=(7, 5)).astype(np.float32)
    texts = random.normal(size=(6, 5)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    found = exterior_probability(4 * photos, texts, 2, 20.0)
    for photo, likeness in zip(photos, found, strict=True):
        cosines = np.array([photo @ text / np.linalg.norm(photo) for text in texts])
        assert likeness == pytest.approx(softmax(20 * cosines)[:2].sum(), abs=1e-5)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match="3 wide and the texts'"):
        car_likeness(np.ones((2, 3), np.float32), Classifier(9))
