"""Quads of the car's outer skin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tools.rendered_cars.faces import Face, Floats, Layer, Material, grid_faces
from tools.rendered_cars.proportions import BodyStyle
from tools.rendered_cars.shell import ROOF_CROWN, Shell

HOOD_CROWN, TAIL_CROWN, BED_CROWN = 0.05, 0.03, -0.03
ENDS_UP = (0.0, 0.06, 0.14, 0.3, 0.45, 0.58, 0.66, 0.76, 0.87, 0.95, 1.0)
SIDES_UP = (0.0, 0.14, 0.3, 0.58, 0.66, 0.76, 0.87, 1.0)
GLASS_UP = (0.0, 0.25, 0.5, 0.75, 0.88, 0.95, 1.0)
"""Levels of the rows of quads; see `shell`."""


def skin_faces(style: BodyStyle, shell: Shell) -> Iterable[Face]:
    """Quads of the whole skin, all in paint but the bed of a pickup."""
    yield from _lower_faces(shell)
    yield from _hood_faces(shell)
    yield from _tail_faces(style, shell)
    yield from _greenhouse_faces(shell)
    yield from _roof_faces(shell)


def _lower_faces(shell: Shell) -> Iterable[Face]:
    ends = _grid(np.linspace(-1, 1, 21), np.array(ENDS_UP))
    sides = _grid(_side_stations(shell), np.array(SIDES_UP))
    yield from _wall_faces(shell, shell.front_point(*ends))
    yield from _wall_faces(shell, shell.rear_point(*ends))
    yield from _wall_faces(shell, shell.side_point(*sides, 1))
    yield from _wall_faces(shell, shell.side_point(*sides, -1))


def _greenhouse_faces(shell: Shell) -> Iterable[Face]:
    ends = _grid(np.linspace(-1, 1, 13), np.array(GLASS_UP))
    sides = _grid(np.linspace(0, 1, 11), np.array(GLASS_UP))
    yield from _wall_faces(shell, shell.windshield_point(*ends))
    yield from _wall_faces(shell, shell.backlight_point(*ends))
    yield from _wall_faces(shell, shell.glass_side_point(*sides, 1))
    yield from _wall_faces(shell, shell.glass_side_point(*sides, -1))


def _hood_faces(shell: Shell) -> Iterable[Face]:
    p, arc = shell.p, np.linspace(0, 1, 9)
    x = np.linspace(p.front - p.corner_depth, p.station(p.windshield_base) - 0.25, 6)
    edges = [shell.front_point(arc, np.ones(9)), shell.side_point(x, np.ones(6), 1)]
    yield from _lid_faces(np.concatenate(edges), HOOD_CROWN)


def _tail_faces(style: BodyStyle, shell: Shell) -> Iterable[Face]:
    p, arc = shell.p, np.linspace(0, 1, 9)
    start = max(p.station(p.backlight_base) + 0.25, p.rear + 0.5)
    x = np.linspace(p.rear + p.corner_depth, start, 6)
    edges = np.concatenate([shell.rear_point(arc, np.ones(9)), shell.side_point(x, np.ones(6), 1)])
    if style is BodyStyle.PICKUP:
        yield from _lid_faces(edges, BED_CROWN, Material.SHADE)
    else:
        yield from _lid_faces(edges, TAIL_CROWN)


def _roof_faces(shell: Shell) -> Iterable[Face]:
    arc, along = np.linspace(0, 1, 7), np.linspace(0, 1, 8)
    ahead = shell.windshield_point(arc, np.ones(7))
    middle = shell.glass_side_point(along, np.ones(8), 1)
    behind = shell.backlight_point(arc[::-1], np.ones(7))
    yield from _lid_faces(np.concatenate([ahead, middle, behind]), ROOF_CROWN)


def _side_stations(shell: Shell) -> Floats:
    """X of the columns of quads: evenly spaced, and dense over the wheel arches."""
    p, radius = shell.p, shell.arch_radius
    ahead, behind = p.front - p.corner_depth, p.rear + p.corner_depth
    even = np.linspace(behind, ahead, 15)
    clear = [x for x in even if all(abs(x - axle) > radius * 1.08 for axle in p.axles)]
    # The arch drops to the sill between two stations that are next to one another.
    rim = np.concatenate([np.cos(np.linspace(0, np.pi, 13)) * 0.9999, [-1.001, 1.001]])
    arches = [axle + radius * rim for axle in p.axles]
    return np.unique(np.clip(np.concatenate([clear, [behind, ahead], *arches]), behind, ahead))


def _wall_faces(shell: Shell, points: Floats) -> Iterable[Face]:
    """Quads of a grid of points; their outer sides look away from the car's long axis."""

    def outward(centres: Floats) -> Floats:
        core = np.zeros_like(centres)
        core[:, 0] = np.clip(centres[:, 0], shell.p.rear + 0.8, shell.p.front - 0.8)
        core[:, 2] = 0.55
        return centres - core

    yield from grid_faces(points, Material.PAINT, Layer.SKIN, outward)


def _lid_faces(edges: Floats, crown: float, material: Material = Material.PAINT) -> Iterable[Face]:
    """Quads between edge points [n, 3] and their mirror images, raised along the middle."""
    columns = np.linspace(-1, 1, 9)
    points = np.repeat(edges[:, None, :], len(columns), axis=1)
    points[..., 1] *= columns
    to_end = np.minimum(np.abs(edges[:, 0] - edges[0, 0]), np.abs(edges[:, 0] - edges[-1, 0]))
    rise = crown * np.clip(to_end / 0.5, 0, 1)
    points[..., 2] += rise[:, None] * (1 - columns**2)
    yield from grid_faces(
        points, material, Layer.SKIN, lambda centres: np.full_like(centres, (0.0, 0.0, 1.0))
    )


def _grid(rows: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Surface coordinates, each [rows, columns], of every pair of the two."""
    first, second = np.meshgrid(rows, columns, indexing="ij")
    return first, second
