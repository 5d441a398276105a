"""Everything in a photo that is not the car's model: drawn without knowing the class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

import numpy as np

from tools.rendered_cars.camera import Camera, project
from tools.rendered_cars.shading import Light

Colour = tuple[float, float, float]
"""Linear red, green and blue."""


class Place(StrEnum):
    """Where the car stands."""

    ROAD = "road"
    PARKING_LOT = "parking lot"
    WALL = "wall"
    SHOWROOM = "showroom"
    GARAGE = "garage"
    FIELD = "field"


class Occluder(StrEnum):
    """What stands between camera and car."""

    NOTHING = "nothing"
    POST = "post"
    CONE = "cone"
    FOLIAGE = "foliage"
    OTHER_CAR = "other car"


OUTDOORS = (Place.ROAD, Place.PARKING_LOT, Place.WALL, Place.FIELD)

# Share of photos, then linear RGB: what people buy.
PAINTS: tuple[tuple[float, Colour], ...] = (
    (0.24, (0.80, 0.80, 0.79)),
    (0.08, (0.68, 0.66, 0.60)),
    (0.14, (0.012, 0.012, 0.014)),
    (0.15, (0.42, 0.43, 0.45)),
    (0.14, (0.11, 0.115, 0.125)),
    (0.07, (0.012, 0.030, 0.115)),
    (0.05, (0.04, 0.15, 0.42)),
    (0.05, (0.36, 0.016, 0.020)),
    (0.03, (0.10, 0.055, 0.030)),
    (0.02, (0.03, 0.10, 0.055)),
    (0.02, (0.55, 0.17, 0.02)),
    (0.01, (0.62, 0.45, 0.05)),
)

# Share of photos, then yaw and its spread in degrees: sellers photograph the front
# three-quarter view first, and mostly from the driver's side.
VIEWS: tuple[tuple[float, float, float], ...] = (
    (0.55, 38.0, 5.0),
    (0.22, -38.0, 5.0),
    (0.12, 145.0, 5.0),
    (0.05, -145.0, 5.0),
    (0.06, 0.0, 360.0),
)
TYPICAL_BOX = tuple(product((-2.3, 2.3), (-0.93, 0.93), (0.0, 1.8)))
"""Corners of the space that a car needs, in metres, with some room above its roof."""


@dataclass(frozen=True)
class Scene:
    """One photo without its car.

    Attributes:
        yaw: Radians; see `Camera`.
        elevation: Radians.
        roll: Radians.
        distance: Metres.
        fill: Share of the frame that a box of typical size fills, in the tighter direction.
        offset: Shift of the car in the frame, as shares of its width and height.
        place: Where the car stands.
        light: Light around the car.
        paint: Body colour, linear.
        occluder: What stands in front of the car.
        clutter: Seed of the background's details and of the noise.
        exposure: Gain of the picture.
        warmth: Shift of the white balance; positive is warm.
        blur: Standard deviation of the blur, as a share of the picture's width.
        noise: Standard deviation of the sensor's noise, in grey levels.
        jpeg_quality: Quality of the JPEG file.
    """

    yaw: float
    elevation: float
    roll: float
    distance: float
    fill: float
    offset: tuple[float, float]
    place: Place
    light: Light
    paint: Colour
    occluder: Occluder
    clutter: int
    exposure: float
    warmth: float
    blur: float
    noise: float
    jpeg_quality: int


def draw_scene(rng: np.random.Generator, exposure: float = 1.0) -> Scene:
    """Draw a scene; it takes no class, so it cannot depend on one.

    Args:
        rng: Source of every draw.
        exposure: Mean gain: test photos of the challenge are darker than its train photos.

    Returns:
        The scene.
    """
    shares = np.array([share for share, _, _ in VIEWS])
    _, yaw, spread = VIEWS[rng.choice(len(VIEWS), p=shares / shares.sum())]
    place = rng.choice(list(Place), p=[0.24, 0.26, 0.16, 0.14, 0.10, 0.10])
    return Scene(
        yaw=float(np.radians(rng.normal(yaw, spread))),
        elevation=float(np.radians(rng.uniform(5.0, 9.0))),
        roll=float(np.radians(rng.normal(0, 0.4))),
        distance=float(rng.uniform(7.2, 8.8)),
        fill=float(rng.uniform(0.97, 1.06)),
        offset=(float(rng.normal(0, 0.014)), float(rng.normal(0, 0.012))),
        place=Place(place),
        light=_draw_light(rng, Place(place)),
        paint=_draw_paint(rng),
        occluder=Occluder(rng.choice(list(Occluder), p=[0.82, 0.05, 0.04, 0.05, 0.04])),
        clutter=int(rng.integers(2**31)),
        exposure=float(exposure * np.exp(rng.normal(0, 0.16))),
        warmth=float(rng.normal(0, 0.035)),
        blur=float(rng.gamma(2.0, 0.0009)),
        noise=float(rng.uniform(1.0, 5.5)),
        jpeg_quality=int(rng.integers(72, 93)),
    )


def scene_camera(scene: Scene, size: tuple[int, int]) -> Camera:
    """Camera of a scene for a picture of `size` (width, height) pixels.

    It is aimed at a box of typical size, whatever the car: the background must not tell the
    car's size, and a large car looks large.
    """
    aimed = Camera(scene.yaw, scene.elevation, scene.roll, scene.distance, 1.0, (0.0, 0.0))
    corners, _ = project(np.array(TYPICAL_BOX), aimed)
    low, high = corners.min(axis=0), corners.max(axis=0)
    focal = scene.fill * float(np.min(np.array(size) / (high - low)))
    x, y = np.array(size) * (0.5 + np.array(scene.offset)) - focal * (low + high) / 2
    return replace(aimed, focal=focal, centre=(float(x), float(y)))


def _draw_paint(rng: np.random.Generator) -> Colour:
    shares = np.array([share for share, _ in PAINTS])
    paint = PAINTS[rng.choice(len(PAINTS), p=shares / shares.sum())][1]
    red, green, blue = np.array(paint) * np.exp(rng.normal(0, 0.12)) * rng.normal(1, 0.04, 3)
    return float(red), float(green), float(blue)


def _draw_light(rng: np.random.Generator, place: Place) -> Light:
    """Sun, an overcast sky, or lamps on a ceiling."""
    azimuth = float(rng.uniform(-np.pi, np.pi))
    if place in OUTDOORS:
        overcast = rng.random() < 0.4
        strength = 0.05 if overcast else rng.uniform(0.5, 1.3)
        height = rng.uniform(0.35, 1.1)
        warm = 1 - 0.35 * (1.1 - height)
        sky = np.array([0.80, 0.82, 0.85]) if overcast else np.array([0.60, 0.70, 0.86])
        sky = sky * rng.uniform(0.7, 1.0)
        ground = np.array([0.33, 0.32, 0.30]) * rng.uniform(0.7, 1.2)
    else:
        strength = rng.uniform(0.1, 0.5)
        height = rng.uniform(0.9, 1.5)
        warm = rng.uniform(0.8, 1.0)
        sky = np.array([0.72, 0.71, 0.68]) * rng.uniform(0.5, 1.0)
        ground = np.array([0.34, 0.33, 0.32]) * rng.uniform(0.5, 1.1)
    sun = strength * np.array([1.0, 0.6 + 0.36 * warm, 0.3 + 0.6 * warm])
    return Light(azimuth, float(height), _colour(sun), _colour(sky), _colour(ground))


def _colour(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
