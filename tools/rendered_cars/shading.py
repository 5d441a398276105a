"""Colours of faces under a sky, a sun and the ground's reflection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.rendered_cars.camera import Camera
from tools.rendered_cars.faces import Floats, Material, Mesh

# Linear albedo (red, green, blue), reflectance seen head-on, and emitted light.
SURFACES: dict[Material, tuple[tuple[float, float, float], float, float]] = {
    Material.PAINT: ((0.0, 0.0, 0.0), 0.075, 0.0),
    Material.GLASS: ((0.008, 0.011, 0.014), 0.075, 0.0),
    Material.PLASTIC: ((0.016, 0.016, 0.018), 0.015, 0.0),
    Material.CHROME: ((0.42, 0.43, 0.45), 0.45, 0.0),
    Material.RUBBER: ((0.014, 0.014, 0.015), 0.01, 0.0),
    Material.RIM: ((0.38, 0.39, 0.41), 0.20, 0.0),
    Material.SHADE: ((0.004, 0.004, 0.005), 0.0, 0.0),
    Material.LAMP: ((0.30, 0.33, 0.37), 0.30, 0.0),
    Material.LED: ((0.90, 0.93, 0.97), 0.0, 0.55),
    Material.TAIL: ((0.26, 0.010, 0.014), 0.07, 0.0),
    Material.TAIL_LED: ((0.80, 0.06, 0.05), 0.0, 0.35),
    Material.PLATE: ((0.80, 0.80, 0.78), 0.02, 0.0),
    Material.INK: ((0.03, 0.03, 0.04), 0.0, 0.0),
    Material.BLUE: ((0.02, 0.16, 0.75), 0.05, 0.10),
    Material.AMBER: ((0.75, 0.26, 0.02), 0.06, 0.0),
    Material.SEAM: ((0.0, 0.0, 0.0), 0.0, 0.0),
    Material.DARK_CHROME: ((0.06, 0.062, 0.068), 0.22, 0.0),
}
ALBEDO = np.array([SURFACES[material][0] for material in Material])
REFLECTANCE = np.array([SURFACES[material][1] for material in Material])
EMISSION = np.array([SURFACES[material][2] for material in Material])


@dataclass(frozen=True)
class Light:
    """Light around the car; colours are linear RGB.

    Attributes:
        azimuth: Radians from the camera's direction to the sun, seen from above.
        height: Radians of the sun above the horizon.
        sun: Colour and strength of the sun; black under an overcast sky.
        sky: Colour of the light from above.
        ground: Colour of the light from below.
    """

    azimuth: float
    height: float
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]

    def direction(self, camera: Camera) -> Floats:
        """[3] unit vector to the sun in car coordinates."""
        angle = camera.yaw + self.azimuth
        level = np.cos(self.height)
        return np.array([level * np.cos(angle), level * np.sin(angle), np.sin(self.height)])


def _surroundings(towards_sky: Floats, light: Light) -> Floats:
    """Colour [n, 3] of what a reflection shows: ground, a bright horizon, then sky."""
    rise = np.clip((towards_sky + 0.06) / 0.16, 0, 1)[:, None]
    fade = np.clip(towards_sky, 0, 1)[:, None]
    sky = np.array(light.sky) * (1.5 - 0.75 * fade)
    seen: Floats = rise * sky + (1 - rise) * np.array(light.ground) * 0.55
    return seen


def shade_faces(
    mesh: Mesh, paint: tuple[float, float, float], light: Light, camera: Camera
) -> Floats:
    """Linear RGB [f, 3] of every face.

    Diffuse light from sky, ground and sun, plus a mirrored sky by Schlick's approximation
    of the Fresnel equations (Schlick 1994, "An inexpensive BRDF model").
    """
    normals, materials = mesh.normals, mesh.materials
    albedo = ALBEDO[materials]
    albedo[materials == Material.PAINT] = paint
    albedo[materials == Material.SEAM] = np.array(paint) * 0.22
    towards = camera.position - mesh.centres
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    facing = (normals * towards).sum(axis=1)
    mirrored = 2 * facing[:, None] * normals - towards
    sun = light.direction(camera)
    lit = np.clip(normals @ sun, 0, 1)[:, None]
    upward = 0.5 + 0.5 * normals[:, 2:3]
    received = upward * np.array(light.sky) + (1 - upward) * np.array(light.ground)
    received = received + lit * np.array(light.sun)
    head_on = REFLECTANCE[materials]
    grazing = np.clip(1 - np.abs(facing), 0, 1) ** 5
    reflectance = (head_on + (1 - head_on) * grazing * (head_on > 0.04) * 0.7)[:, None]
    glint = np.clip(mirrored @ sun, 0, 1)[:, None] ** 60 * np.array(light.sun)
    colour: Floats = albedo * received * (1 - reflectance)
    colour += reflectance * (_surroundings(mirrored[:, 2], light) + 3.0 * glint)
    colour += EMISSION[materials][:, None] * albedo
    return colour


def to_display(linear: Floats) -> Floats:
    """Display values in [0, 255] of linear light, by a gamma of 2.2 and a soft shoulder."""
    shoulder = linear / (1 + 0.18 * linear)
    return 255 * np.clip(shoulder * 1.12, 0, 1) ** (1 / 2.2)
