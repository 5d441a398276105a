"""Doors, mirrors, cladding, roof rails and the spoiler."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from tools.rendered_cars.bands import band_faces, box
from tools.rendered_cars.faces import Face, Floats, Layer, Material
from tools.rendered_cars.proportions import RUGGED, TALL_TAIL, BodyStyle
from tools.rendered_cars.shell import Shell


def side_faces(style: BodyStyle, shell: Shell) -> Iterable[Face]:
    """Everything on the sides and the roof, in painting order."""
    for side in (1, -1):
        yield from _sill_faces(style, shell, side)
        yield from _door_faces(style, shell, side)
        yield from _mirror_faces(shell, side)
        if style in {BodyStyle.SUV, BodyStyle.WAGON}:
            yield from _rail_faces(shell, side)
    if style in TALL_TAIL:
        yield from _spoiler_faces(shell)


def _sill_faces(style: BodyStyle, shell: Shell, side: int) -> Iterable[Face]:
    surface = partial(shell.side_point, side=side)
    front, rear = shell.p.axles
    ends = rear + shell.arch_radius + 0.02, front - shell.arch_radius - 0.02
    if style in RUGGED:
        yield from band_faces(surface, box(*ends, 0, 0.16), Material.PLASTIC)
        for axle in shell.p.axles:
            yield from _arch_faces(shell, axle, side)
    else:
        yield from band_faces(surface, box(*ends, 0, 0.05), Material.SEAM)


def _door_faces(style: BodyStyle, shell: Shell, side: int) -> Iterable[Face]:
    """Gaps around the doors, and their handles."""
    surface = partial(shell.side_point, side=side)
    front, rear = shell.p.axles
    first = front - shell.arch_radius - 0.10
    last = rear + 0.55 * shell.arch_radius
    if style is BodyStyle.PICKUP:
        last = shell.p.station(shell.p.backlight_base)
    one_door = style in {BodyStyle.COUPE, BodyStyle.PICKUP}
    seams = (first, last) if one_door else (first, 0.53 * first + 0.47 * last, last)
    for x in seams:
        yield from band_faces(surface, box(x, x + 0.018, 0.12, 0.99), Material.SEAM)
    for x in seams[1:]:
        handle = box(x + 0.10, x + 0.30, 0.79, 0.825)
        yield from band_faces(surface, handle, Material.DARK_CHROME)


def _arch_faces(shell: Shell, axle: float, side: int) -> Iterable[Face]:
    """Dark cladding around a wheel arch, down to the sill on both sides."""
    angles = np.linspace(0.0, np.pi, 11)
    drop = np.array([0.0, 0.0, shell.p.clearance - shell.p.wheel_radius])

    def edge(radius: float) -> Floats:
        x, z = axle + radius * np.cos(angles), shell.p.wheel_radius + radius * np.sin(angles)
        arc = np.stack([x, np.full_like(x, side * (shell.p.width / 2 + 0.004)), z], axis=1)
        return np.concatenate([arc[:1] + drop, arc, arc[-1:] + drop])

    outward = np.array([0.0, float(side), 0.0])
    for corners in _quads(edge(shell.arch_radius), edge(shell.arch_radius + 0.075)):
        yield Face(corners, Material.PLASTIC, Layer.DETAIL, outward)


def _mirror_faces(shell: Shell, side: int) -> Iterable[Face]:
    """A wing mirror: a small box beside the windshield's foot."""
    foot = shell.glass_side_point(np.array([0.10]), np.array([0.06]), side)[0]
    inner = side * (shell.p.width / 2 - 0.03)
    corners = np.array(
        [
            [foot[0] + ahead, inner + side * out, foot[2] + up]
            for ahead in (0.05, -0.09)
            for out in (0.0, 0.20)
            for up in (0.0, 0.15)
        ]
    )
    corners[[2, 3], 0] -= 0.06  # The housing tapers outwards.
    for indices, material in (
        ((0, 1, 3, 2), Material.PAINT),
        ((1, 3, 7, 5), Material.PAINT),
        ((2, 3, 7, 6), Material.PAINT),
        ((0, 2, 6, 4), Material.PLASTIC),
        ((4, 5, 7, 6), Material.DARK_CHROME),
    ):
        quad = corners[list(indices)]
        outward = quad.mean(axis=0) - corners.mean(axis=0)
        yield Face(quad, material, Layer.NEAR_SIDE, outward, side=side)


def _rail_faces(shell: Shell, side: int) -> Iterable[Face]:
    along = np.linspace(0.08, 0.92, 7)
    foot = shell.glass_side_point(along, np.ones(7), side)
    outward = np.array([0.0, float(side), 0.0])
    for corners in _quads(foot, foot + np.array([0.0, 0.0, 0.055])):
        yield Face(corners, Material.PLASTIC, Layer.NEAR_SIDE, outward, side=side)


def _spoiler_faces(shell: Shell) -> Iterable[Face]:
    across = np.linspace(-0.75, 0.75, 7)
    edge = shell.backlight_point(across, np.full(7, 0.985)) + np.array([0.02, 0.0, 0.02])
    lip = edge + np.array([-0.13, 0.0, -0.03])
    for corners in _quads(edge, lip):
        yield Face(corners, Material.PAINT, Layer.SKIN, np.array([0.0, 0.0, 1.0]))
    for corners in _quads(lip, lip + np.array([0.03, 0.0, -0.045])):
        yield Face(corners, Material.SHADE, Layer.DETAIL, np.array([-1.0, 0.0, 0.0]))


def _quads(first: Floats, second: Floats) -> Iterable[Floats]:
    """Quads [4, 3] between two lines of points [n, 3]."""
    for i in range(len(first) - 1):
        yield np.array([first[i], first[i + 1], second[i + 1], second[i]])
