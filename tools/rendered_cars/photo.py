"""One photo: a car in a scene, as a camera would record it."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from tools.rendered_cars.background import paint_background
from tools.rendered_cars.car import car_mesh, ground_outline
from tools.rendered_cars.drawing import draw_mesh
from tools.rendered_cars.occluders import paint_occluder
from tools.rendered_cars.parts import CarAppearance
from tools.rendered_cars.scene import Occluder, Scene, scene_camera
from tools.rendered_cars.shading import shade_faces
from tools.rendered_cars.shadow import cast_shadow

SUPERSAMPLING = 3
"""Car pixels are drawn this many times finer along each axis, then averaged."""


class RenderedPhoto(NamedTuple):
    """A photo and where its car is.

    Attributes:
        image: RGB picture.
        car_mask: [height, width] uint8, 255 where the car is seen, 0 elsewhere (also where
            something stands in front of it), values between along its edge.
    """

    image: Image.Image
    car_mask: npt.NDArray[np.uint8]


def render_photo(
    appearance: CarAppearance, scene: Scene, size: tuple[int, int] = (160, 100)
) -> RenderedPhoto:
    """Render a car in a scene; the same arguments give the same pixels.

    Args:
        appearance: The car.
        scene: Everything else.
        size: Width and height in pixels.

    Returns:
        The photo with blur, noise, exposure and white balance, but not yet as JPEG.
    """
    camera = scene_camera(scene, size)
    background = paint_background(scene, camera, size)
    background = cast_shadow(background, scene.light, camera, ground_outline(appearance))
    fine = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    canvas = background.convert("RGBA").resize(fine, Image.Resampling.BILINEAR)
    canvas.putalpha(0)
    fine_camera = scene_camera(scene, fine)
    mesh = car_mesh(appearance)
    draw_mesh(canvas, mesh, shade_faces(mesh, scene.paint, scene.light, fine_camera), fine_camera)
    # Channel by channel: an RGBA picture would be averaged as if transparent were black.
    *channels, mask = (channel.reduce(SUPERSAMPLING) for channel in canvas.split())
    picture = Image.merge("RGB", channels)
    if scene.occluder is not Occluder.NOTHING:
        layer = paint_occluder(scene, size)
        picture.paste(layer, mask=layer)
        mask = ImageChops.multiply(mask, ImageChops.invert(layer.getchannel("A")))
    return RenderedPhoto(_record(picture, scene), np.asarray(mask))


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """JPEG file of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _record(picture: Image.Image, scene: Scene) -> Image.Image:
    """What lens and sensor make of the scene: blur, exposure, white balance and noise."""
    if scene.blur > 0:
        picture = picture.filter(ImageFilter.GaussianBlur(scene.blur * picture.width))
    rng = np.random.default_rng(scene.clutter + 2)
    balance = scene.exposure * np.array([1 + scene.warmth, 1.0, 1 - scene.warmth])
    values = np.asarray(picture, np.float32) * balance.astype(np.float32)
    # Most of a sensor's noise is common to the three channels after demosaicing.
    grain = rng.standard_normal((picture.height, picture.width, 1), np.float32)
    values += scene.noise * grain
    return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))
