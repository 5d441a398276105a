import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chajong.photos.resizing import PADDING, resize_photo


def stripes(height, width):
    """Left third red, middle third green, right third blue."""
    photo = np.zeros((height, width, 3), np.uint8)
    for channel in range(3):
        photo[:, width * channel // 3 : width * (channel + 1) // 3, channel] = 255
    return photo


sides = st.integers(1, 400)


@given(
    height=sides,
    width=sides,
    wanted=st.tuples(sides, sides),
    fit=st.sampled_from(["squash", "crop", "pad"]),
    zoom=st.floats(1, 4),
)
@example(height=58, width=58, wanted=(224, 224), fit="crop", zoom=1.0)  # rounds below zero
def test_every_photo_gets_the_wanted_shape(height, width, wanted, fit, zoom):
    resized = resize_photo(np.full((height, width, 3), 9, np.uint8), *wanted, fit=fit, zoom=zoom)
    assert resized.shape == (*wanted, 3)
    assert resized.dtype == np.uint8


def test_squash_keeps_both_ends():
    resized = resize_photo(stripes(10, 90), 30, 30, "squash")
    assert resized[15, 1].tolist() == [255, 0, 0]
    assert resized[15, 28].tolist() == [0, 0, 255]


def test_crop_keeps_the_middle_at_its_aspect_ratio():
    resized = resize_photo(stripes(30, 90), 30, 30, "crop")
    assert (resized[:, 2:28] == [0, 255, 0]).all()


def test_pad_keeps_both_ends_and_the_aspect_ratio():
    resized = resize_photo(stripes(30, 90), 30, 30, "pad")
    assert (resized[[0, 9, 20, 29]] == PADDING).all()
    assert resized[15, 1].tolist() == [255, 0, 0]


def test_zoom_keeps_the_middle():
    resized = resize_photo(stripes(90, 90), 30, 30, "squash", zoom=3.0)
    assert (resized[:, 1:29] == [0, 255, 0]).all()


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_a_photo_of_the_wanted_shape_stays_as_it_is(fit):
    photo = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    np.testing.assert_array_equal(resize_photo(photo, 20, 20, fit), photo)
