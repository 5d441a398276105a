"""Catalogues of grille, lamp and bumper shapes.

Shapes are bands in the coordinates of the front or rear end (see `shell`): distance across
from the centre line (0) to the corner (1), and height from the lower edge of the bumper (0)
to the edge of the hood or tail (1). Only the left half is given; drawing mirrors it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tools.rendered_cars.bands import Knots, box, disc


class Grille(StrEnum):
    """Outline of the grille: the face of a maker."""

    HEXAGON = "hexagon"
    TRAPEZOID = "trapezoid"
    KIDNEYS = "kidneys"
    SLIM = "slim"
    SHIELD = "shield"
    PINCHED = "pinched"
    SPINDLE = "spindle"
    OVAL = "oval"
    SLOTS = "slots"
    TWIN_BARS = "twin bars"


class Texture(StrEnum):
    """What fills a grille."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"
    MESH = "mesh"
    SINGLE_BAR = "single bar"


class Emblem(StrEnum):
    """Shape of a maker's emblem."""

    DISC = "disc"
    DIAMOND = "diamond"
    WINGS = "wings"
    BLOCK = "block"


class Headlights(StrEnum):
    """Shape of the headlights: one for each generation."""

    RECTANGLE = "rectangle"
    SWEPT = "swept"
    SLIT = "slit"
    ROUND = "round"
    SPLIT = "split"
    TEARDROP = "teardrop"
    UPRIGHT = "upright"
    HOOK = "hook"


class TailLights(StrEnum):
    """Shape of the tail lights: one for each generation."""

    BLOCK = "block"
    UPRIGHT = "upright"
    FULL_BAR = "full bar"
    BRACKET = "bracket"
    ROUND_PAIR = "round pair"
    WEDGE = "wedge"
    HOOK = "hook"
    SLIT = "slit"


class Bumper(StrEnum):
    """Lower half of the front: what a facelift changes."""

    PLAIN = "plain"
    WIDE_MOUTH = "wide mouth"
    FANGS = "fangs"
    AIR_CURTAINS = "air curtains"
    SKID_PLATE = "skid plate"
    SPLIT_MOUTH = "split mouth"


class FogLamps(StrEnum):
    """Small lamps in the corners of the front bumper."""

    NONE = "none"
    ROUND = "round"
    SLIT = "slit"
    UPRIGHT = "upright"
    STACKED = "stacked"


class Lamp(NamedTuple):
    """A lamp: its lens, and the light guides that glow in it."""

    lens: tuple[Knots, ...]
    guide: tuple[Knots, ...]


class Mouth(NamedTuple):
    """Openings of a bumper and the bright trim around them."""

    openings: tuple[Knots, ...]
    trim: tuple[Knots, ...]


GRILLES: dict[Grille, tuple[Knots, ...]] = {
    Grille.HEXAGON: ([(0, 0.22, 0.87), (0.19, 0.22, 0.87), (0.29, 0.42, 0.85), (0.34, 0.7, 0.79)],),
    Grille.TRAPEZOID: ([(0, 0.40, 0.85), (0.20, 0.40, 0.85), (0.37, 0.78, 0.84)],),
    Grille.KIDNEYS: (
        [(0.02, 0.44, 0.84), (0.05, 0.36, 0.88), (0.20, 0.38, 0.87), (0.25, 0.52, 0.80)],
    ),
    Grille.SLIM: ([(0, 0.64, 0.79), (0.46, 0.67, 0.78)],),
    Grille.SHIELD: ([(0, 0.22, 0.89), (0.08, 0.28, 0.89), (0.21, 0.56, 0.87), (0.25, 0.8, 0.84)],),
    Grille.PINCHED: (
        [
            (0, 0.60, 0.78), (0.07, 0.59, 0.77), (0.16, 0.53, 0.84), (0.38, 0.55, 0.86),
            (0.43, 0.64, 0.8),
        ],
    ),
    Grille.SPINDLE: (
        box(0, 0.15, 0.12, 0.89),
        [(0.15, 0.52, 0.89), (0.29, 0.86, 0.89)],
        [(0.15, 0.12, 0.50), (0.29, 0.12, 0.16)],
    ),
    Grille.OVAL: (
        [(0, 0.44, 0.83), (0.14, 0.46, 0.81), (0.24, 0.53, 0.75), (0.28, 0.62, 0.66)],
    ),
    Grille.SLOTS: tuple(
        box(left, left + 0.055, 0.48, 0.86) for left in (0.01, 0.09, 0.17, 0.25, 0.33)
    ),
    Grille.TWIN_BARS: (box(0, 0.36, 0.47, 0.60), [(0, 0.69, 0.85), (0.41, 0.71, 0.85)]),
}  # fmt: skip

HEADLIGHTS: dict[Headlights, Lamp] = {
    Headlights.RECTANGLE: Lamp(
        ([(0.50, 0.56, 0.84), (0.91, 0.59, 0.86)],),
        ([(0.50, 0.56, 0.61), (0.91, 0.59, 0.64)],),
    ),
    Headlights.SWEPT: Lamp(
        ([(0.42, 0.62, 0.68), (0.60, 0.58, 0.78), (0.97, 0.78, 0.95)],),
        ([(0.42, 0.63, 0.68), (0.60, 0.73, 0.79), (0.97, 0.90, 0.96)],),
    ),
    Headlights.SLIT: Lamp(
        ([(0.46, 0.70, 0.80), (0.96, 0.73, 0.83)],),
        ([(0.46, 0.76, 0.81), (0.96, 0.79, 0.84)],),
    ),
    Headlights.ROUND: Lamp(
        (disc(0.66, 0.68, 0.15, 0.21),),
        (disc(0.66, 0.68, 0.07, 0.09),),
    ),
    Headlights.SPLIT: Lamp(
        ([(0.48, 0.80, 0.86), (0.95, 0.82, 0.88)], [(0.60, 0.40, 0.62), (0.88, 0.42, 0.62)]),
        ([(0.48, 0.80, 0.86), (0.95, 0.82, 0.88)],),
    ),
    Headlights.TEARDROP: Lamp(
        ([(0.44, 0.58, 0.62), (0.62, 0.56, 0.84), (0.80, 0.64, 0.93), (0.94, 0.80, 0.92)],),
        ([(0.44, 0.58, 0.62), (0.62, 0.56, 0.61), (0.80, 0.64, 0.69), (0.94, 0.80, 0.85)],),
    ),
    Headlights.UPRIGHT: Lamp(
        (box(0.64, 0.86, 0.36, 0.88),),
        (box(0.64, 0.68, 0.36, 0.88), box(0.82, 0.86, 0.36, 0.88)),
    ),
    Headlights.HOOK: Lamp(
        ([(0.46, 0.72, 0.85), (0.74, 0.72, 0.86)], [(0.74, 0.46, 0.86), (0.90, 0.50, 0.88)]),
        (box(0.46, 0.90, 0.82, 0.87), box(0.85, 0.90, 0.48, 0.87)),
    ),
}

TAIL_LIGHTS: dict[TailLights, Lamp] = {
    TailLights.BLOCK: Lamp(
        ([(0.52, 0.58, 0.86), (0.98, 0.62, 0.88)],),
        ([(0.56, 0.68, 0.74), (0.95, 0.71, 0.77)],),
    ),
    TailLights.UPRIGHT: Lamp(
        (box(0.72, 0.98, 0.42, 0.97),),
        (box(0.76, 0.81, 0.46, 0.93),),
    ),
    TailLights.FULL_BAR: Lamp(
        ([(0, 0.72, 0.83), (0.55, 0.72, 0.83), (0.98, 0.68, 0.88)],),
        ([(0, 0.75, 0.80), (0.55, 0.75, 0.80), (0.98, 0.77, 0.83)],),
    ),
    TailLights.BRACKET: Lamp(
        (box(0.56, 0.92, 0.78, 0.90), box(0.82, 0.98, 0.50, 0.90), box(0.56, 0.92, 0.50, 0.60)),
        (box(0.58, 0.92, 0.83, 0.88),),
    ),
    TailLights.ROUND_PAIR: Lamp(
        (disc(0.50, 0.72, 0.10, 0.15), disc(0.78, 0.72, 0.12, 0.15)),
        (disc(0.50, 0.72, 0.05, 0.07), disc(0.78, 0.72, 0.06, 0.07)),
    ),
    TailLights.WEDGE: Lamp(
        ([(0.46, 0.70, 0.74), (0.98, 0.54, 0.92)],),
        ([(0.50, 0.71, 0.73), (0.95, 0.69, 0.77)],),
    ),
    TailLights.HOOK: Lamp(
        ([(0.42, 0.76, 0.88), (0.74, 0.76, 0.89)], [(0.74, 0.48, 0.90), (0.98, 0.52, 0.92)]),
        ([(0.44, 0.80, 0.85), (0.92, 0.81, 0.87)],),
    ),
    TailLights.SLIT: Lamp(
        ([(0.40, 0.72, 0.80), (0.99, 0.74, 0.86)],),
        ([(0.42, 0.75, 0.79), (0.95, 0.77, 0.82)],),
    ),
}

BUMPERS: dict[Bumper, Mouth] = {
    Bumper.PLAIN: Mouth((box(0, 0.42, 0.08, 0.19),), ()),
    Bumper.WIDE_MOUTH: Mouth(
        ([(0, 0.05, 0.30), (0.56, 0.05, 0.30), (0.72, 0.10, 0.20)],),
        ([(0, 0.30, 0.34), (0.56, 0.30, 0.34), (0.72, 0.20, 0.24)],),
    ),
    Bumper.FANGS: Mouth(
        (box(0, 0.30, 0.05, 0.20), [(0.42, 0.06, 0.12), (0.64, 0.06, 0.48), (0.86, 0.12, 0.48)]),
        ([(0.40, 0.12, 0.18), (0.62, 0.48, 0.54), (0.86, 0.48, 0.54)],),
    ),
    Bumper.AIR_CURTAINS: Mouth(
        (box(0, 0.50, 0.06, 0.22), box(0.70, 0.82, 0.08, 0.52)),
        (box(0.66, 0.70, 0.08, 0.52), box(0, 0.50, 0.22, 0.25)),
    ),
    Bumper.SKID_PLATE: Mouth(
        (box(0, 0.90, 0.0, 0.36),),
        ([(0, 0.02, 0.17), (0.34, 0.02, 0.17), (0.46, 0.02, 0.05)],),
    ),
    Bumper.SPLIT_MOUTH: Mouth(
        (box(0, 0.20, 0.06, 0.18), [(0.28, 0.08, 0.12), (0.40, 0.08, 0.34), (0.78, 0.14, 0.36)]),
        ([(0.28, 0.04, 0.08), (0.78, 0.10, 0.14)],),
    ),
}

FOG_LAMPS: dict[FogLamps, tuple[Knots, ...]] = {
    FogLamps.NONE: (),
    FogLamps.ROUND: (disc(0.66, 0.24, 0.065, 0.10),),
    FogLamps.SLIT: (box(0.50, 0.80, 0.29, 0.345),),
    FogLamps.UPRIGHT: (box(0.72, 0.775, 0.12, 0.42),),
    FogLamps.STACKED: (box(0.56, 0.76, 0.15, 0.20), box(0.56, 0.76, 0.27, 0.32)),
}

REAR_BUMPERS: dict[Bumper, tuple[Knots, ...]] = {
    Bumper.PLAIN: (),
    Bumper.WIDE_MOUTH: ([(0, 0.05, 0.30), (0.50, 0.05, 0.30), (0.70, 0.05, 0.12)],),
    Bumper.FANGS: ([(0.40, 0.06, 0.10), (0.60, 0.06, 0.36), (0.86, 0.06, 0.36)],),
    Bumper.AIR_CURTAINS: (box(0, 0.50, 0.05, 0.18), box(0.70, 0.80, 0.08, 0.38)),
    Bumper.SKID_PLATE: (box(0, 0.95, 0.0, 0.36),),
    Bumper.SPLIT_MOUTH: (box(0.30, 0.70, 0.08, 0.26),),
}
"""Dark parts of the rear bumper that belongs to a front bumper."""

REFLECTORS: dict[Bumper, Knots] = {
    Bumper.PLAIN: box(0.62, 0.84, 0.26, 0.31),
    Bumper.WIDE_MOUTH: box(0.74, 0.88, 0.14, 0.22),
    Bumper.FANGS: box(0.64, 0.82, 0.12, 0.16),
    Bumper.AIR_CURTAINS: box(0.83, 0.86, 0.10, 0.36),
    Bumper.SKID_PLATE: box(0.66, 0.90, 0.37, 0.40),
    Bumper.SPLIT_MOUTH: box(0.34, 0.66, 0.12, 0.17),
}
"""Red reflectors of those rear bumpers."""
