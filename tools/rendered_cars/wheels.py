"""Wheels, and the dark underbody that shows through the wheel arches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tools.rendered_cars.faces import Face, Floats, Layer, Material
from tools.rendered_cars.parts import CarAppearance, Fittings, Wheel
from tools.rendered_cars.proportions import Proportions

TYRE_WIDTH = 0.23
TURN = np.linspace(0, 2 * np.pi, 29)

SPOKES: dict[Wheel, tuple[tuple[float, ...], float, float]] = {
    Wheel.SPOKES: ((0.0,), 0.20, 0.0),
    Wheel.TWIN_SPOKES: ((-0.17, 0.17), 0.085, 0.0),
    Wheel.TURBINE: ((0.0,), 0.13, 0.45),
}
"""Angles of the spokes of one group, half their width and their twist, in radians."""


@dataclass(frozen=True)
class Hub:
    """Middle of a wheel's outer side, in metres, and the side of the car it is on."""

    x: float
    y: float
    z: float
    side: int
    group: int

    def circle(self, radius: float, angles: Floats, inset: float = 0.0) -> Floats:
        """Points [n, 3] around the hub, `inset` metres inside the wheel's outer plane."""
        y = np.full_like(angles, self.y - self.side * inset)
        return np.stack(
            [self.x + radius * np.cos(angles), y, self.z + radius * np.sin(angles)], axis=1
        )

    def disc(self, radius: float, inset: float, material: Material) -> Face:
        """A flat disc that looks outwards."""
        return self.face(self.circle(radius, TURN[:-1], inset), material)

    def face(self, corners: Floats, material: Material, outward: Floats | None = None) -> Face:
        """A face of this wheel; it looks away from the car unless told otherwise."""
        if outward is None:
            outward = np.array([0.0, float(self.side), 0.0])
        return Face(corners, material, Layer.WHEELS, outward, self.group, self.side)


def wheel_faces(appearance: CarAppearance) -> Iterable[Face]:
    """The underbody and all four wheels."""
    p = appearance.body.proportions
    yield from _underbody_faces(p)
    places = [(x, side) for x in p.axles for side in (1, -1)]
    for group, (x, side) in enumerate(places, start=1):
        hub = Hub(x, side * (p.width / 2 - 0.025), p.wheel_radius, side, group)
        yield from _tyre_faces(hub, p.wheel_radius)
        yield from _rim_faces(hub, appearance)


def _underbody_faces(p: Proportions) -> Iterable[Face]:
    """Four walls of a dark box inside the skin."""
    y, low, high = p.width / 2 - 0.26, p.clearance + 0.02, p.nose_height * 0.95
    rear, front = p.rear + 0.15, p.front - 0.15
    plan = np.array([[rear, -y], [front, -y], [front, y], [rear, y]])
    for a, b in zip(plan, np.roll(plan, -1, axis=0), strict=True):
        corners = np.array([[*a, low], [*b, low], [*b, high], [*a, high]])
        outward = np.array([*(a + b), 0.0])
        yield Face(corners, Material.SHADE, Layer.UNDERBODY, outward)


def _tyre_faces(hub: Hub, radius: float) -> Iterable[Face]:
    inner, outer = hub.circle(radius, TURN, TYRE_WIDTH), hub.circle(radius, TURN, 0.02)
    for i in range(len(TURN) - 1):
        corners = np.array([inner[i], inner[i + 1], outer[i + 1], outer[i]])
        outward = corners.mean(axis=0) - np.array([hub.x, hub.y, hub.z])
        yield hub.face(corners, Material.RUBBER, outward)
    yield hub.disc(radius, 0.02, Material.RUBBER)


def _rim_faces(hub: Hub, appearance: CarAppearance) -> Iterable[Face]:
    fittings, marks = appearance.fittings, appearance.marks
    rim = appearance.body.proportions.wheel_radius * fittings.rim_share
    yield hub.disc(rim * 1.04, 0.01, Material.RIM)
    if marks.aero_wheels:
        yield from _slot_faces(hub, rim, fittings.spokes)
    else:
        yield hub.disc(rim * 0.93, 0.01, Material.SHADE)
        yield from _spoke_faces(hub, rim, fittings)
        yield hub.disc(rim * 0.28, 0.0, Material.RIM)
    yield hub.disc(rim * 0.15, 0.0, Material.BLUE if marks.blue_badges else Material.DARK_CHROME)


def _spoke_faces(hub: Hub, rim: float, fittings: Fittings) -> Iterable[Face]:
    offsets, width, twist = SPOKES[fittings.wheel]
    for number in range(fittings.spokes):
        for offset in offsets:
            centre = np.pi / 2 + 2 * np.pi * number / fittings.spokes
            foot = centre + 0.8 * offset + 1.9 * width * np.array([-1.0, 1.0])
            tip = centre + offset + twist + width * np.array([1.0, -1.0])
            yield hub.face(_quad(hub, rim * 0.22, foot, rim * 0.96, tip), Material.RIM)


def _slot_faces(hub: Hub, rim: float, count: int) -> Iterable[Face]:
    """Dark slots near the edge of an otherwise closed wheel."""
    for number in range(count):
        centre = 2 * np.pi * number / count
        near, far = centre + np.array([0.0, 0.24]), centre + np.array([0.40, 0.12])
        yield hub.face(_quad(hub, rim * 0.62, near, rim * 0.90, far), Material.SHADE)


def _quad(
    hub: Hub, inner: float, inner_angles: Floats, outer: float, outer_angles: Floats
) -> Floats:
    return np.concatenate([hub.circle(inner, inner_angles), hub.circle(outer, outer_angles)])
