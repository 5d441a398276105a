"""Colours of ICC profiles, against the formulas of the colour spaces themselves."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from chajong.photos.colours import in_srgb, is_srgb
from chajong.photos.decode import decode_photo
from chajong.photos.preparation import StoreSettings, prepare_photo

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO_RGB = ((0.79767, 0.28804, 0), (0.13519, 0.71188, 0), (0.03134, 0.00009, 0.82491))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))


def linear(levels: np.ndarray) -> np.ndarray:
    shares = levels / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def as_stored(srgb: np.ndarray, primaries, gamma: float) -> np.ndarray:
    """Encode colours of sRGB in another space."""
    light = linear(srgb) @ np.array(SRGB) @ np.linalg.inv(primaries)
    return (255 * light.clip(0, 1) ** (1 / gamma)).round().astype(np.uint8)


@pytest.fixture
def muted(make_picture) -> np.ndarray:
    """Colours that lie well inside every space."""
    return np.asarray(make_picture(90, 60)) // 2 + 64


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("primaries", "gamma", "off"), [(ADOBE_RGB, 2.2, 3), (PROPHOTO_RGB, 1.8, 10)]
)
def test_colours_of_a_profile_are_the_same_in_srgb(
    muted, make_profile, encode, form, primaries, gamma, off
):
    stored = Image.fromarray(as_stored(muted, primaries, gamma))
    exact = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    options = exact.get(form, {"quality": 100} if form == "AVIF" else {})
    data = encode(stored, form, icc_profile=make_profile(primaries, gamma), **options)
    shown = decode_photo(data).astype(int)
    assert np.abs(np.asarray(stored).astype(int) - muted).mean() > off
    assert np.abs(shown - muted).mean() < 1.5


def test_a_photo_of_another_profile_is_kept_in_srgb(muted, make_profile, encode):
    stored = Image.fromarray(as_stored(muted, PROPHOTO_RGB, 1.8))
    profile = make_profile(PROPHOTO_RGB, 1.8)
    data = encode(stored, quality=95, subsampling=0, icc_profile=profile)
    kept = prepare_photo(data, StoreSettings()).jpeg
    assert b"ICC_PROFILE" not in kept
    assert np.abs(decode_photo(kept).astype(int) - muted).mean() < 3


def test_transparent_and_16_bit_photos_have_profiles_too(muted, make_profile, encode):
    stored = Image.fromarray(as_stored(muted, ADOBE_RGB, 2.2)).convert("RGBA")
    stored.putalpha(Image.linear_gradient("L").resize(stored.size))
    shown = decode_photo(encode(stored, "PNG", icc_profile=make_profile(ADOBE_RGB)))
    assert np.abs(shown[-1].astype(int) - muted[-1]).mean() < 2
    grey = Image.fromarray(np.full((4, 4), 32768, np.uint16))
    shown = decode_photo(encode(grey, "PNG", icc_profile=make_profile(gamma=1)))
    assert abs(int(shown[0, 0, 0]) - 188) < 2  # half of the light


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_profile_that_is_srgb_costs_no_bit(make_picture, mode):
    picture = make_picture().convert(mode)
    picture.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_srgb(picture)
    np.testing.assert_array_equal(np.asarray(in_srgb(picture)), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(128)])
def test_a_damaged_profile_does_not_matter(make_picture, mode, profile):
    picture = make_picture().convert(mode)
    picture.info["icc_profile"] = profile
    np.testing.assert_array_equal(np.asarray(in_srgb(picture)), np.asarray(picture.convert("RGB")))


def test_a_profile_of_another_kind_of_picture_does_not_matter(make_picture, make_profile):
    picture = make_picture()
    picture.info["icc_profile"] = make_profile(gamma=1)
    assert in_srgb(picture) is picture
