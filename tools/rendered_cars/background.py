"""Backgrounds: roads, parking lots, walls, showrooms, garages and fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.rendered_cars.camera import Camera, project
from tools.rendered_cars.faces import Floats
from tools.rendered_cars.painting import Stage, blob, gradient, ground_lines, muted, tone
from tools.rendered_cars.scene import Place, Scene

WALL_DISTANCE = 5.0
BAY_LINES = np.linspace(-6.25, 8.75, 7)
"""Lines between parking bays, in metres from the car."""


def paint_background(scene: Scene, camera: Camera, size: tuple[int, int]) -> Image.Image:
    """Background without the car, RGB, `size` (width, height) pixels, out of focus."""
    picture = Image.new("RGB", size)
    rng = np.random.default_rng(scene.clutter)
    BACKGROUNDS[scene.place](Stage(picture, ImageDraw.Draw(picture), camera, scene.light, rng))
    return picture.filter(ImageFilter.GaussianBlur(size[0] * rng.uniform(0.002, 0.008)))


def _road(stage: Stage) -> None:
    _open_air(stage, np.array([0.11, 0.11, 0.115]))
    turn = stage.camera.yaw + stage.rng.uniform(0.9, 2.2)
    ground_lines(stage, stage.rng.uniform(1.8, 3.5, 1), turn, (205, 205, 195))


def _parking_lot(stage: Stage) -> None:
    _open_air(stage, np.array([0.14, 0.14, 0.14]))
    _bays(stage, (190, 190, 185))
    _parked_cars(stage)


def _field(stage: Stage) -> None:
    grass = stage.rng.random() < 0.5
    _open_air(stage, np.array([0.10, 0.14, 0.05]) if grass else np.array([0.22, 0.18, 0.13]))


def _wall(stage: Stage) -> None:
    """A wall of boards or panels, in any colour."""
    rng = stage.rng
    _ground(stage, np.array([0.16, 0.155, 0.15]))
    foot = _backdrop(stage, 0.22 + 0.14 * rng.random(3))
    grey = int(rng.uniform(70, 150))
    if rng.random() < 0.5:
        for y in np.arange(foot, 0, -stage.height * rng.uniform(0.05, 0.12)):
            stage.draw.line((0, y, stage.width, y), (grey, grey, grey))
    else:
        for x in np.arange(0, stage.width, stage.width * rng.uniform(0.05, 0.3)):
            stage.draw.line((x, 0, x, foot), (grey, grey, grey))


def _showroom(stage: Stage) -> None:
    """Light walls with posters, and lamps along the ceiling."""
    rng, width = stage.rng, stage.width
    _ground(stage, np.array([0.5, 0.5, 0.5]))
    foot = _backdrop(stage, np.array([0.75, 0.75, 0.76]))
    for _ in range(int(rng.integers(2, 6))):
        x, y = rng.uniform(0, width), foot * rng.uniform(0.0, 0.7)
        corner = x + width * rng.uniform(0.04, 0.22), y + foot * rng.uniform(0.1, 0.5)
        stage.draw.rectangle((x, y, *corner), muted(rng))
    for x in np.linspace(0, width, int(rng.integers(3, 8))):
        stage.draw.rectangle((x, 0, x + width * 0.05, stage.height * 0.03), (250, 250, 245))


def _garage(stage: Stage) -> None:
    """Underground parking: pillars with yellow feet, and strip lights."""
    rng, width, height = stage.rng, stage.width, stage.height
    _ground(stage, np.array([0.20, 0.22, 0.20]))
    foot = _backdrop(stage, np.array([0.16, 0.16, 0.155]))
    for _ in range(int(rng.integers(1, 4))):
        x, w, grey = rng.uniform(0, width), width * rng.uniform(0.03, 0.08), rng.integers(90, 170)
        stage.draw.rectangle((x, 0, x + w, foot + 3), (int(grey), int(grey), int(grey) - 8))
        stage.draw.rectangle((x, foot * 0.75, x + w, foot + 3), (200, 170, 40))
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0, width), height * rng.uniform(0, 0.15)
        stage.draw.rectangle((x, y, x + width * 0.12, y + height * 0.02), (235, 240, 235))
    _bays(stage, (150, 150, 140))


def _open_air(stage: Stage, soil: Floats) -> None:
    _ground(stage, soil)
    _sky(stage)
    _houses(stage)
    _trees(stage)


def _ground(stage: Stage, soil: Floats) -> None:
    """Ground up to the horizon, with stains."""
    rng, light, horizon = stage.rng, stage.light, stage.camera.horizon
    received = np.array(light.sky) + np.array(light.sun) * np.sin(light.height)
    colour = soil * received * rng.uniform(0.7, 1.3)
    gradient(stage, horizon, stage.height, colour * 1.1, colour * 0.85)
    for _ in range(14):
        x, y = rng.uniform(0, stage.width), rng.uniform(max(horizon, 0) + 2, stage.height)
        a, b = stage.width * rng.uniform(0.02, 0.12), stage.height * rng.uniform(0.004, 0.02)
        stage.draw.ellipse((x - a, y - b, x + a, y + b), tone(colour, rng.uniform(0.75, 1.2)))


def _sky(stage: Stage) -> None:
    rng, sky, horizon = stage.rng, np.array(stage.light.sky), stage.camera.horizon
    gradient(stage, 0, horizon + 1, sky * rng.uniform(0.7, 1.0), sky * 1.35)
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(0, stage.width), rng.uniform(0, max(horizon * 0.7, 1))
        a = stage.width * rng.uniform(0.05, 0.2)
        stage.draw.ellipse((x - a, y - a * 0.16, x + a, y + a * 0.16), tone(sky, 1.5))


def _houses(stage: Stage) -> None:
    """Houses at the horizon, with rows of windows."""
    rng, horizon = stage.rng, stage.camera.horizon
    for _ in range(int(rng.integers(3, 9))):
        x, half = rng.uniform(0, stage.width), stage.width * rng.uniform(0.03, 0.125)
        tall = stage.height * rng.uniform(0.05, 0.40)
        wall = np.array(stage.light.sky) * rng.uniform(0.12, 0.7) * rng.normal(1, 0.05, 3)
        stage.draw.rectangle((x - half, horizon - tall, x + half, horizon + 1), tone(wall))
        for level in np.arange(0.12, 0.9, 0.22):
            y = horizon - tall * level
            row = (x - half * 0.84, y - tall * 0.07, x + half * 0.84, y)
            stage.draw.rectangle(row, tone(wall, rng.uniform(0.3, 0.7)))


def _trees(stage: Stage) -> None:
    rng, horizon = stage.rng, stage.camera.horizon
    green = np.array(stage.light.sky) * np.array([0.10, 0.17, 0.06])
    for _ in range(int(rng.integers(4, 30))):
        radius = stage.height * rng.uniform(0.03, 0.13)
        x, y = rng.uniform(0, stage.width), horizon - radius * rng.uniform(0.2, 1.4)
        blob(stage.draw, x, y, radius, tone(green, rng.uniform(0.5, 1.7)))


def _bays(stage: Stage, colour: tuple[int, int, int]) -> None:
    ground_lines(stage, BAY_LINES, stage.camera.yaw + stage.rng.uniform(-np.pi, np.pi), colour)


def _parked_cars(stage: Stage) -> None:
    """Blurred cars in the distance."""
    rng, unit = stage.rng, stage.width * 0.05
    for _ in range(int(rng.integers(0, 6))):
        x, half = rng.uniform(0, stage.width), unit * rng.uniform(1.6, 3.0)
        foot = stage.camera.horizon + unit * rng.uniform(0.2, 0.6)
        body = (x - half, foot - unit, x + half, foot)
        cabin = (x - half * 0.6, foot - unit * 1.6, x + half * 0.6, foot - unit * 0.9)
        stage.draw.rounded_rectangle(body, unit * 0.3, muted(rng))
        stage.draw.rounded_rectangle(cabin, unit * 0.3, (40, 45, 50))


def _backdrop(stage: Stage, colour: Floats) -> float:
    """A wall behind the car; returns the row of its foot."""
    rng, yaw = stage.rng, stage.camera.yaw
    place = np.array([[np.cos(yaw), np.sin(yaw), 0.0]]) * -WALL_DISTANCE
    foot = float(project(place, stage.camera)[0][0, 1])
    lit = colour * np.array(stage.light.sky)
    gradient(stage, 0, foot, lit * rng.uniform(0.8, 1.3), lit * rng.uniform(0.7, 1.1))
    return foot


BACKGROUNDS: dict[Place, Callable[[Stage], None]] = {
    Place.ROAD: _road,
    Place.PARKING_LOT: _parking_lot,
    Place.WALL: _wall,
    Place.SHOWROOM: _showroom,
    Place.GARAGE: _garage,
    Place.FIELD: _field,
}
