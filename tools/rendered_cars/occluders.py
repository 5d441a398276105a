"""Things between the camera and the car."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.rendered_cars.painting import blob, muted
from tools.rendered_cars.scene import Occluder, Scene

Painter = Callable[[Image.Image, float, np.random.Generator], None]


def paint_occluder(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """What stands in front of the car: RGBA, transparent where there is nothing."""
    layer = Image.new("RGBA", size)
    rng = np.random.default_rng(scene.clutter + 1)
    x = size[0] * (rng.uniform(0.04, 0.3) if rng.random() < 0.5 else rng.uniform(0.7, 0.96))
    if scene.occluder in OCCLUDERS:
        OCCLUDERS[scene.occluder](layer, x, rng)
    return layer.filter(ImageFilter.GaussianBlur(size[0] * rng.uniform(0.003, 0.009)))


def _post(layer: Image.Image, x: float, rng: np.random.Generator) -> None:
    half = layer.width * rng.uniform(0.008, 0.022)
    box = (x - half, 0, x + half, layer.height * 0.98)
    ImageDraw.Draw(layer).rectangle(box, (*muted(rng), 255))


def _cone(layer: Image.Image, x: float, rng: np.random.Generator) -> None:
    """A traffic cone with two white bands."""
    draw = ImageDraw.Draw(layer)
    tall = layer.height * rng.uniform(0.2, 0.32)
    foot, half = layer.height * rng.uniform(0.86, 0.98), tall * 0.28
    draw.polygon([(x - half, foot), (x, foot - tall), (x + half, foot)], (225, 85, 25, 255))
    for low, high in ((0.30, 0.48), (0.62, 0.76)):
        a, b = half * (1 - low), half * (1 - high)
        y, z = foot - tall * low, foot - tall * high
        draw.polygon([(x - a, y), (x + a, y), (x + b, z), (x - b, z)], (235, 235, 230, 255))
    draw.rectangle((x - half * 1.25, foot - tall * 0.06, x + half * 1.25, foot), (205, 70, 20, 255))


def _foliage(layer: Image.Image, x: float, rng: np.random.Generator) -> None:
    """Leaves that hang into the picture."""
    draw = ImageDraw.Draw(layer)
    for _ in range(26):
        place = x + rng.normal(0, layer.width * 0.05), layer.height * rng.uniform(0.0, 0.5)
        green = (*rng.integers((20, 50, 15), (70, 110, 50)).tolist(), 255)
        blob(draw, *place, layer.width * rng.uniform(0.008, 0.02), green)


def _other_car(layer: Image.Image, x: float, rng: np.random.Generator) -> None:
    """The end of a car that stands nearer, at one edge of the picture."""
    width, edge = layer.width, layer.width * rng.uniform(0.05, 0.11)
    left, right = (-edge, edge) if x < width / 2 else (width - edge, width + edge)
    box = (left, layer.height * rng.uniform(0.35, 0.55), right, layer.height * 1.1)
    ImageDraw.Draw(layer).rounded_rectangle(box, width * 0.03, (*muted(rng), 255))


OCCLUDERS: dict[Occluder, Painter] = {
    Occluder.POST: _post,
    Occluder.CONE: _cone,
    Occluder.FOLIAGE: _foliage,
    Occluder.OTHER_CAR: _other_car,
}
