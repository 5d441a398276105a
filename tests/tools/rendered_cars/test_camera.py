import numpy as np
import pytest

from tools.rendered_cars.camera import Camera, project


def camera(yaw=0.0, elevation=0.1, roll=0.0, distance=8.0):
    return Camera(yaw, elevation, roll, distance, focal=300.0, centre=(80.0, 50.0))


@pytest.mark.parametrize("yaw", [0.0, 0.7, 3.0])
def test_the_point_looked_at_is_in_the_centre(yaw):
    pixels, depth = project(np.array([[0.0, 0.0, 0.62]]), camera(yaw, roll=0.3))

    assert pixels[0] == pytest.approx([80, 50])
    assert depth[0] == pytest.approx(8.0)


def test_from_the_front_the_cars_left_is_on_the_right():
    pixels, _ = project(np.array([[0.0, 1.0, 0.62], [0.0, 0.0, 1.62]]), camera(elevation=0.0))

    assert pixels[0] == pytest.approx([80 + 300 / 8, 50])
    assert pixels[1] == pytest.approx([80, 50 - 300 / 8])


def test_yaw_turns_the_camera_to_the_cars_left():
    _, depth = project(np.array([[0.0, 1.0, 0.62], [0.0, -1.0, 0.62]]), camera(np.pi / 2, 0.0))

    assert depth == pytest.approx([7.0, 9.0])


def test_the_ground_far_away_meets_the_horizon():
    view = camera(elevation=0.15)
    pixels, _ = project(np.array([[-1e6, 0.0, 0.0]]), view)

    assert pixels[0, 1] == pytest.approx(view.horizon, abs=0.01)


def test_the_camera_is_where_it_says():
    _, depth = project(camera(0.4).position[None], camera(0.4))

    assert depth[0] == pytest.approx(0.0)
