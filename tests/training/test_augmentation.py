import pickle

import numpy as np
import pytest
import torch

from chajong.photos.resizing import PADDING, resize_photo
from chajong.training.augmentation import Augmentation, HalfCrop, SquashedCrop
from chajong.training.parameters import AugmentationParameters

EVERYTHING_OFF = {
    "crop_area": (1, 1),
    "crop_ratio": (1, 1),
    "half_crop": 0,
    "flip": 0,
    "rotation": 0,
    "brightness": (1, 1),
    "gamma": (1, 1),
    "saturation": (1, 1),
    "contrast": (1, 1),
    "jpeg_quality": (100, 100),
    "erasing": 0,
}


def only(**parameters) -> AugmentationParameters:
    """Everything off but these."""
    return AugmentationParameters(**EVERYTHING_OFF | parameters)


def drawn(height: int = 43, width: int = 69, seed: int = 0) -> np.ndarray:
    """A photo of smooth colours."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (5, 6, 3), np.uint8)
    return resize_photo(coarse, height, width)


def varied(photo: np.ndarray, parameters: AugmentationParameters, seed: int = 0) -> np.ndarray:
    """The varied photo, int16 [height, width, 3]."""
    torch.manual_seed(seed)
    picture = Augmentation(parameters, 24, 32)(photo)
    assert picture.shape == (3, 24, 32)
    assert picture.dtype == torch.uint8
    return picture.permute(1, 2, 0).numpy().astype(np.int16)


@pytest.fixture
def resized() -> np.ndarray:
    return resize_photo(drawn(), 24, 32).astype(np.int16)


class TestWhole:
    @pytest.mark.parametrize("size", [(43, 69), (69, 43), (24, 32), (9, 200), (1, 1)])
    def test_everything_off_resizes_as_evaluation_does(self, size):
        photo = drawn(*size)
        evaluated = resize_photo(photo, 24, 32).astype(np.int16)
        assert np.abs(varied(photo, only()) - evaluated).max() <= 1

    @pytest.mark.parametrize("size", [(43, 69), (69, 43), (1, 1), (1, 7), (300, 3)])
    def test_photos_of_any_shape(self, size):
        for seed in range(5):
            varied(drawn(*size), AugmentationParameters(), seed)

    def test_the_seed_decides(self):
        parameters, photo = AugmentationParameters(), drawn()
        pictures = [varied(photo, parameters, seed) for seed in range(8)]
        for seed, picture in enumerate(pictures):
            np.testing.assert_array_equal(varied(photo, parameters, seed), picture)
        assert len({picture.tobytes() for picture in pictures}) == len(pictures)

    def test_a_pickled_one_varies_the_same(self):
        augment = Augmentation(AugmentationParameters(), 24, 32)
        pictures = []
        for copy in (augment, pickle.loads(pickle.dumps(augment))):
            torch.manual_seed(3)
            pictures.append(copy(drawn()))
        assert torch.equal(*pictures)

    def test_the_photo_is_left_as_it_is(self):
        photo = drawn(24, 32)
        before = photo.copy()
        photo.flags.writeable = False
        Augmentation(only(erasing=1), 24, 32)(photo)
        np.testing.assert_array_equal(photo, before)


class TestGeometry:
    def test_half_crop_keeps_one_half_of_the_long_side(self):
        for photo in (drawn(43, 69), drawn(69, 43)):
            long = int(np.argmax(photo.shape[:2]))
            halves = [photo.take(range(35), long), photo.take(range(34, 69), long)]
            allowed = [resize_photo(half, 24, 32).astype(np.int16) for half in halves]
            seen = set()
            for seed in range(12):
                picture = varied(photo, only(half_crop=1), seed)
                errors = [np.abs(picture - half).max() for half in allowed]
                assert min(errors) <= 1
                seen.add(int(np.argmin(errors)))
            assert seen == {0, 1}

    def test_half_crop_has_its_probability(self, resized: np.ndarray):
        whole = [
            np.abs(varied(drawn(), only(half_crop=0.3), seed) - resized).max() <= 1
            for seed in range(300)
        ]
        assert np.mean(whole) == pytest.approx(0.7, abs=0.1)

    def test_halves_of_one_pixel(self):
        assert HalfCrop()(torch.zeros(3, 1, 1)).shape == (3, 1, 1)

    def test_crops_have_the_area_and_the_photos_shape(self):
        crop = SquashedCrop(24, 32, (0.3, 0.6), (0.8, 1.25))
        photo = torch.zeros(3, 437, 690)
        torch.manual_seed(0)
        crops = [crop.make_params([photo]) for _ in range(400)]
        areas = np.array([drawn["height"] * drawn["width"] / (437 * 690) for drawn in crops])
        ratios = np.array([drawn["width"] / 690 / (drawn["height"] / 437) for drawn in crops])
        assert areas.min() == pytest.approx(0.3, abs=0.01)
        assert areas.max() == pytest.approx(0.6, abs=0.01)
        assert areas.mean() == pytest.approx(0.45, abs=0.01)
        assert ratios.min() == pytest.approx(0.8, abs=0.01)
        assert ratios.max() == pytest.approx(1.25, abs=0.01)
        assert np.log(ratios).mean() == pytest.approx(0, abs=0.02)

    def test_crops_stay_in_the_photo_and_reach_its_borders(self):
        crop = SquashedCrop(24, 32, (0.5, 1), (0.5, 2))
        torch.manual_seed(0)
        crops = [crop.make_params([torch.zeros(3, 20, 30)]) for _ in range(400)]
        tops = {drawn["top"] for drawn in crops}
        assert 0 in tops
        assert any(drawn["top"] + drawn["height"] == 20 > drawn["height"] for drawn in crops)
        assert all(0 <= drawn["top"] <= 20 - drawn["height"] for drawn in crops)
        assert all(0 <= drawn["left"] <= 30 - drawn["width"] for drawn in crops)

    def test_crops_show_part_of_the_photo(self):
        columns = np.tile(np.arange(0, 200, dtype=np.uint8)[None, :, None], (100, 1, 3))
        picture = varied(columns, only(crop_area=(0.25, 0.25)))
        assert picture[0, -1, 0] - picture[0, 0, 0] == pytest.approx(97, abs=4)

    def test_flip_mirrors(self, resized: np.ndarray):
        assert np.abs(varied(drawn(), only(flip=1)) - resized[:, ::-1]).max() <= 1

    def test_rotation_turns_to_both_sides_and_fills_with_middle_grey(self):
        white_above = np.zeros((100, 100, 3), np.uint8)
        white_above[:50] = 255
        pictures = [varied(white_above, only(rotation=30), seed) for seed in range(10)]
        assert {np.sign(picture[12, 4, 0] - picture[12, -5, 0]) for picture in pictures} >= {-1, 1}
        filled = [(picture == PADDING).all(axis=2).any() for picture in pictures]
        assert sum(filled) >= 7  # turns of a degree or two leave no whole pixel to fill


class TestAppearance:
    def test_brightness(self, resized: np.ndarray):
        picture = varied(drawn(), only(brightness=(0.5, 0.5)))
        assert np.abs(picture - resized * 0.5).max() <= 1.5

    def test_gamma(self, resized: np.ndarray):
        picture = varied(drawn(), only(gamma=(1.5, 1.5)))
        assert np.abs(picture - 255 * (resized / 255) ** 1.5).max() <= 2.5

    def test_gamma_is_drawn_from_its_interval(self):
        grey = np.full((10, 10, 3), 128, np.uint8)
        levels = [varied(grey, only(gamma=(0.6, 1.5)), seed)[0, 0, 0] for seed in range(200)]
        exponents = np.log(np.array(levels) / 255) / np.log(128 / 255)
        assert exponents.min() == pytest.approx(0.6, abs=0.03)
        assert exponents.max() == pytest.approx(1.5, abs=0.03)
        assert exponents.mean() == pytest.approx(1.05, abs=0.06)

    def test_saturation(self, resized: np.ndarray):
        grey = (resized @ [0.2989, 0.587, 0.114])[..., None]
        picture = varied(drawn(), only(saturation=(0.5, 0.5)))
        assert np.abs(picture - (0.5 * resized + 0.5 * grey)).max() <= 2

    def test_contrast(self, resized: np.ndarray):
        mean = (resized @ [0.2989, 0.587, 0.114]).mean()
        picture = varied(drawn(), only(contrast=(0.5, 0.5)))
        assert np.abs(picture - (0.5 * resized + 0.5 * mean)).max() <= 2

    def test_jpeg_of_low_quality_is_worse(self, resized: np.ndarray):
        high, low = (
            np.abs(varied(drawn(), only(jpeg_quality=(quality, quality))) - resized).mean()
            for quality in (95, 5)
        )
        assert 0 < high < low / 2

    def test_erasing_fills_a_rectangle_with_middle_grey(self, resized: np.ndarray):
        picture = varied(drawn(), only(erasing=1))
        changed = np.abs(picture - resized).max(axis=2) > 1
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        rectangle = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert rectangle.size > 0
        assert (rectangle == PADDING).all()
