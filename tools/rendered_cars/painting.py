"""Strokes of backgrounds and occluders, in display colours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from tools.rendered_cars.camera import Camera, project
from tools.rendered_cars.faces import Floats
from tools.rendered_cars.shading import Light, to_display

Pixel = tuple[int, int, int]


class Stage(NamedTuple):
    """A picture that is being painted, and what decides how.

    Attributes:
        picture: RGB.
        draw: Draws on it.
        camera: Projects onto its pixels.
        light: Light around the car.
        rng: Draws the details.
    """

    picture: Image.Image
    draw: ImageDraw.ImageDraw
    camera: Camera
    light: Light
    rng: np.random.Generator

    @property
    def width(self) -> int:
        """Pixels."""
        return self.picture.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.picture.height


def tone(colour: Floats, gain: float = 1.0) -> Pixel:
    """Display colour of a linear one."""
    red, green, blue = to_display(colour * gain).astype(int).tolist()
    return red, green, blue


def muted(rng: np.random.Generator) -> Pixel:
    """A greyish colour, as most things on a street have."""
    grey = rng.uniform(25, 225)
    red, green, blue = np.clip(grey + rng.normal(0, 18, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def blob(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: tuple[int, ...]
) -> None:
    """A filled circle."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)


def ground_polygon(
    draw: ImageDraw.ImageDraw, points: Floats, camera: Camera, fill: int | Pixel
) -> None:
    """A polygon [n, 3] in car coordinates, all of it before the camera."""
    draw.polygon(project(points, camera)[0].ravel().tolist(), fill=fill)


def gradient(stage: Stage, first: float, last: float, top: Floats, foot: Floats) -> None:
    """Fill the rows from `first` to `last` with a vertical gradient of linear colours."""
    start, end = max(int(first), 0), min(int(np.ceil(last)), stage.height)
    if end > start:
        share = np.linspace(0, 1, end - start)[:, None]
        rows = to_display((1 - share) * top + share * foot).astype(np.uint8)
        strip = Image.fromarray(rows[:, None, :]).resize((stage.width, end - start))
        stage.picture.paste(strip, (0, start))


def ground_lines(stage: Stage, starts: Floats, turn: float, colour: Pixel) -> None:
    """Parallel lines painted on the ground, 12 cm wide.

    Args:
        stage: The picture.
        starts: Distances of the lines from the car's middle, in metres.
        turn: Radians from the car's long axis to the lines.
        colour: Their colour.
    """
    along = np.array([np.cos(turn), np.sin(turn), 0.0])
    aside = 0.06 * np.array([-np.sin(turn), np.cos(turn), 0.0])
    for start in starts:
        line = np.linspace(-9, 9, 37)[:, None] * along + start * aside / 0.06
        line = line[project(line, stage.camera)[1] > 1.0]  # The rest is behind the camera.
        if len(line) > 1:
            a, b = line[0], line[-1]
            corners = np.array([a - aside, b - aside, b + aside, a + aside])
            ground_polygon(stage.draw, corners, stage.camera, colour)
