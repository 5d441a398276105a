from dataclasses import replace

import numpy as np
import pytest

from tools.rendered_cars.camera import project
from tools.rendered_cars.scene import OUTDOORS, Place, draw_scene, scene_camera

SCENES = [draw_scene(np.random.default_rng(seed)) for seed in range(400)]


def test_the_same_seed_draws_the_same_scene():
    assert draw_scene(np.random.default_rng(5)) == SCENES[5]
    assert len(set(SCENES)) == len(SCENES)


def test_most_photos_show_a_three_quarter_view_and_some_do_not():
    yaws = np.abs(np.degrees([scene.yaw for scene in SCENES]))
    front = np.abs(yaws - 38) < 25
    rear = np.abs(yaws - 145) < 25

    assert front.mean() > 0.6
    assert rear.mean() > 0.05
    assert (~front & ~rear).any()


def test_paint_does_not_depend_on_the_place():
    brightness = np.array([sum(scene.paint) for scene in SCENES])
    outdoors = np.array([scene.place in OUTDOORS for scene in SCENES])
    gap = brightness[outdoors].mean() - brightness[~outdoors].mean()

    assert abs(gap) < 4 * brightness.std() * np.sqrt(1 / outdoors.sum() + 1 / (~outdoors).sum())


def test_exposure_scales_the_gain_and_nothing_else():
    dark = draw_scene(np.random.default_rng(5), exposure=0.5)

    assert dark.exposure == pytest.approx(0.5 * SCENES[5].exposure)
    assert replace(dark, exposure=SCENES[5].exposure) == SCENES[5]


def test_every_place_occurs():
    assert {scene.place for scene in SCENES} == set(Place)


@pytest.mark.parametrize("scene", SCENES[:20])
def test_a_car_of_typical_size_fits_into_the_frame(scene):
    corners = np.array([(x, y, z) for x in (-2.2, 2.2) for y in (-0.9, 0.9) for z in (0.0, 1.4)])
    pixels, _ = project(corners, scene_camera(scene, (160, 100)))

    assert (pixels > -16).all()
    assert (pixels < (176, 116)).all()


def test_a_larger_picture_shows_the_same_view():
    small, large = (scene_camera(SCENES[0], size) for size in ((160, 100), (480, 300)))
    points = np.array([[2.0, 0.9, 0.5], [-2.0, -0.9, 1.2]])

    assert project(points, large)[0] == pytest.approx(3 * project(points, small)[0])
