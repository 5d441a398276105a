"""The car's shadow on the ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tools.rendered_cars.camera import Camera
from tools.rendered_cars.faces import Floats
from tools.rendered_cars.painting import ground_polygon
from tools.rendered_cars.shading import Light

CAR_HEIGHT = 1.3
CONTACT_GREY = 60


def cast_shadow(picture: Image.Image, light: Light, camera: Camera, outline: Floats) -> Image.Image:
    """Darken the ground below the car and where it keeps the sun away.

    Args:
        picture: Background, RGB.
        light: Its sun throws the shadow.
        camera: Camera for the picture's pixels.
        outline: [n, 3] outline of the car on the ground.

    Returns:
        The picture with the shadow.
    """
    sun = _sun_shadow(picture.size, light, camera, outline)
    contact = Image.new("L", picture.size, 255)
    ground_polygon(ImageDraw.Draw(contact), outline, camera, CONTACT_GREY)
    contact = contact.filter(ImageFilter.GaussianBlur(picture.width * 0.010))
    shade = ImageChops.multiply(sun, contact)
    return ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))


def _sun_shadow(
    size: tuple[int, int], light: Light, camera: Camera, outline: Floats
) -> Image.Image:
    """Union of the outline's slices, each moved away from the sun by its height."""
    shade = Image.new("L", size, 255)
    draw = ImageDraw.Draw(shade)
    east, north, up = light.direction(camera)
    reach = np.array([-east, -north, 0.0]) / max(up, 0.3) * CAR_HEIGHT
    strength = min(sum(light.sun) / 3, 1.0)
    for height in np.linspace(1, 0, 8):
        narrowed = outline * np.array([1 - 0.3 * height, 1 - 0.25 * height, 1.0])
        grey = int(255 * (1 - 0.55 * strength))
        ground_polygon(draw, narrowed + height * reach, camera, grey)
    return shade.filter(ImageFilter.GaussianBlur(size[0] * 0.006))
