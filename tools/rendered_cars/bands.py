"""Bands: shapes laid onto a surface as an upper and a lower edge along one direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tools.rendered_cars.faces import Face, Layer, Material, Surface

LONGEST_PIECE = 0.12
INSIDE = np.array([0.0, 0.0, 0.5])
"""A point inside the car, in metres: the outer sides of faces look away from it."""

Knots = Sequence[tuple[float, float, float]]
"""(place, lower edge, upper edge), places ascending."""


def mirrored(knots: Knots) -> Knots:
    """The same band on the other side of the centre line."""
    return [(-place, low, high) for place, low, high in reversed(knots)]


def grown(knots: Knots, margin: float) -> Knots:
    """The band with `margin` added at its edges, except where it meets the centre line."""
    first, last = knots[0][0], knots[-1][0]

    def moved(place: float) -> float:
        if place == last:
            return place + 0.7 * margin
        return place - 0.7 * margin if place == first != 0 else place

    return [(moved(place), low - margin, high + margin) for place, low, high in knots]


def stripe(knots: Knots, level: float, thickness: float) -> Knots:
    """A thin band inside another, at `level` between its lower (0) and upper (1) edge."""
    middles = [(place, low + level * (high - low)) for place, low, high in knots]
    return [(place, mid - thickness / 2, mid + thickness / 2) for place, mid in middles]


def post(knots: Knots, place: float, thickness: float) -> Knots:
    """A narrow upright piece of a band."""
    places, lows, highs = np.array(knots).T
    left, right = place - thickness / 2, place + thickness / 2
    return [
        (x, float(np.interp(x, places, lows)), float(np.interp(x, places, highs)))
        for x in (left, right)
    ]


def disc(place: float, up: float, width: float, height: float) -> Knots:
    """An ellipse of half axes `width` and `height`."""
    angle = np.linspace(np.pi, 0, 9)
    rise = height * np.sin(angle)
    return [
        (place + width * float(c), up - float(r), up + float(r))
        for c, r in zip(np.cos(angle), rise, strict=True)
    ]


def box(left: float, right: float, low: float, high: float) -> Knots:
    """A rectangle."""
    return [(left, low, high), (right, low, high)]


def band_faces(surface: Surface, knots: Knots, material: Material) -> Iterable[Face]:
    """Faces of a band laid onto a surface.

    Args:
        surface: Maps (place, up) to points.
        knots: The band.
        material: Material of its faces.

    Yields:
        Quads of the detail layer, short enough to follow a curved surface.
    """
    places, lows, highs = np.array(knots).T
    pieces = max(int(np.ceil((places[-1] - places[0]) / LONGEST_PIECE)), 1)
    fine = np.union1d(places, np.linspace(places[0], places[-1], pieces + 1))
    lower = surface(fine, np.interp(fine, places, lows))
    upper = surface(fine, np.interp(fine, places, highs))
    for i in range(len(fine) - 1):
        corners = np.array([lower[i], lower[i + 1], upper[i + 1], upper[i]])
        centre = corners.mean(axis=0)
        yield Face(corners, material, Layer.DETAIL, centre - INSIDE)
