import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chajong.photos.picture_agreement import (
    SIDE,
    agree,
    directions,
    may_agree,
    small_pictures,
    tangent_planes,
)
from chajong.photos.store import PhotoStore


def grey(picture: Image.Image, box: tuple[float, ...] | None = None) -> np.ndarray:
    small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return np.asarray(small)[None]


@settings(deadline=None, max_examples=40)
@given(
    kept=st.tuples(st.floats(0.93, 1), st.floats(0.93, 1)),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 50),
)
def test_a_light_crop_agrees_and_is_looked_at(kept, place, seed):
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(patches).resize((300, 200), Image.Resampling.BICUBIC)
    left, top = place[0] * (1 - kept[0]) * 300, place[1] * (1 - kept[1]) * 200
    crop = grey(picture, (left, top, left + kept[0] * 300, top + kept[1] * 200))
    assert agree(grey(picture), crop).all()
    assert may_agree(tangent_planes(grey(picture))[0], directions(crop)).all()


@settings(deadline=None)
@given(gain=st.floats(0.4, 1), lift=st.floats(0, 40), gamma=st.floats(0.6, 1.6))
def test_light_does_not_matter(gain, lift, gamma):
    patches = np.random.default_rng(0).integers(0, 256, (6, 8), dtype=np.uint8)
    picture = grey(Image.fromarray(patches).resize((300, 200), Image.Resampling.BICUBIC))
    lit = np.clip(255 * gain * (picture / 255) ** gamma + lift, 0, 255).astype(np.uint8)
    assert agree(picture, lit).all()
    assert agree(lit, picture).all()


def test_pairs_are_judged_one_by_one(make_picture):
    pictures = np.concatenate([grey(make_picture(300, 200, seed)) for seed in range(300)])
    shuffled = np.where(np.arange(300) % 7, pictures.T, np.roll(pictures, 1, axis=0).T).T
    assert agree(pictures, shuffled).tolist() == [bool(row % 7) for row in range(300)]


def test_no_pairs_are_no_answers():
    assert agree(*np.empty((2, 0, SIDE, SIDE), dtype=np.uint8)).shape == (0,)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_agrees_with_no_other(make_picture, level):
    flat = np.full((1, SIDE, SIDE), level, dtype=np.uint8)
    assert not agree(flat, grey(make_picture())).any()
    assert not may_agree(tangent_planes(grey(make_picture()))[0], directions(flat)).any()


def test_photos_become_small_and_grey(make_picture, encode):
    import pyarrow as pa

    picture = make_picture(300, 200)
    store = PhotoStore(pa.table({"sha256": ["a"], "jpeg": [encode(picture, quality=95)]}))
    (small,) = small_pictures(["a"], store)
    assert small.dtype == np.uint8
    assert np.abs(small - grey(picture)[0].astype(float)).mean() < 3
    assert small_pictures([], store).shape == (0, SIDE, SIDE)
