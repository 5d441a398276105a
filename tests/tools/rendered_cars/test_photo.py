from dataclasses import replace

import numpy as np
import pytest

from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.photo import render_photo
from tools.rendered_cars.scene import Occluder, Place, draw_scene

SEDAN, VAN = appearance_of("한별_다온_2018"), appearance_of("아라솔_마루_2018")
CLEAR = replace(
    draw_scene(np.random.default_rng(3)), occluder=Occluder.NOTHING, noise=0.0, blur=0.0
)


def difference(first, second):
    a, b = (np.asarray(photo.image, dtype=int) for photo in (first, second))
    return np.abs(a - b).max(axis=2)


def test_the_same_arguments_give_the_same_pixels():
    scene = draw_scene(np.random.default_rng(8))
    first, second = render_photo(SEDAN, scene), render_photo(SEDAN, scene)

    assert first.image.tobytes() == second.image.tobytes()
    assert (first.car_mask == second.car_mask).all()


@pytest.mark.parametrize("size", [(160, 100), (64, 40), (345, 218)])
def test_pictures_have_the_size_asked_for(size):
    photo = render_photo(SEDAN, CLEAR, size)

    assert photo.image.size == size
    assert photo.car_mask.shape == size[::-1]


@pytest.mark.parametrize("place", list(Place))
def test_the_mask_is_exactly_where_paint_can_change_the_picture(place):
    scene = replace(CLEAR, place=place)
    red, blue = (replace(scene, paint=paint) for paint in ((0.5, 0.0, 0.0), (0.0, 0.0, 0.5)))
    first, second = render_photo(SEDAN, red), render_photo(SEDAN, blue)
    changed = difference(first, second) > 3

    assert (first.car_mask == second.car_mask).all()
    assert not changed[first.car_mask == 0].any()
    assert changed[first.car_mask > 0].mean() > 0.4  # The rest is glass, wheels and lamps.


def test_two_cars_in_one_scene_differ_only_where_the_cars_and_their_shadows_are():
    first, second = render_photo(SEDAN, CLEAR), render_photo(VAN, CLEAR)
    changed = difference(first, second) > 0
    cars = (first.car_mask > 0) | (second.car_mask > 0)

    assert cars.mean() > 0.25
    assert (changed & cars).sum() > 0.8 * cars.sum()
    top_row_of_cars = np.flatnonzero(cars.any(axis=1))[0]
    assert not changed[:top_row_of_cars].any()


def test_what_stands_in_front_of_the_car_is_not_in_its_mask():
    hidden_pixels = 0
    for clutter in range(6):  # It stands elsewhere in each, and not always before the car.
        scene = replace(CLEAR, clutter=clutter)
        clear = render_photo(SEDAN, scene).car_mask.astype(int)
        hidden = render_photo(SEDAN, replace(scene, occluder=Occluder.POST)).car_mask
        assert (hidden <= clear).all()
        hidden_pixels += (clear - hidden > 200).sum()

    assert hidden_pixels > 20


def test_exposure_darkens_the_picture():
    bright, dark = (
        np.asarray(render_photo(SEDAN, replace(CLEAR, exposure=gain)).image).mean()
        for gain in (1.0, 0.5)
    )

    assert dark == pytest.approx(0.5 * bright, rel=0.05)


def test_siblings_look_alike():
    first, facelift, other = (
        render_photo(appearance_of(name), CLEAR)
        for name in ("한별_다온_2018", "더_뉴_한별_다온_2018", "아라솔_마루_2018")
    )

    small, large = (difference(first, car) > 20 for car in (facelift, other))
    assert 0 < small.sum() < 0.2 * large.sum()
