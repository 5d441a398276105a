"""Front and rear of a car: grille, lamps, bumpers, plates and emblems."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tools.rendered_cars.bands import (
    Knots,
    band_faces,
    box,
    disc,
    grown,
    mirrored,
    post,
    stripe,
)
from tools.rendered_cars.faces import Face, Material, Surface
from tools.rendered_cars.part_shapes import (
    BUMPERS,
    FOG_LAMPS,
    GRILLES,
    HEADLIGHTS,
    REAR_BUMPERS,
    REFLECTORS,
    TAIL_LIGHTS,
    Emblem,
    Lamp,
    TailLights,
    Texture,
)
from tools.rendered_cars.parts import CarAppearance
from tools.rendered_cars.proportions import RUGGED
from tools.rendered_cars.shell import Shell

EMBLEMS: dict[Emblem, Knots] = {
    Emblem.DISC: disc(0, 0, 0.045, 0.07),
    Emblem.DIAMOND: [(-0.05, 0, 0), (0, -0.08, 0.08), (0.05, 0, 0)],
    Emblem.WINGS: [(-0.11, 0.02, 0.05), (0, -0.05, 0.05), (0.11, 0.02, 0.05)],
    Emblem.BLOCK: box(-0.075, 0.075, -0.035, 0.035),
}


def front_faces(appearance: CarAppearance, shell: Shell) -> Iterable[Face]:
    """Everything on the front end, in painting order."""
    surface = shell.front_point
    yield from _both(surface, box(0, 1, 0.0, 0.05), Material.PLASTIC)
    mouth = BUMPERS[appearance.trim.bumper]
    for opening in mouth.openings:
        yield from _both(surface, opening, Material.SHADE)
    bright = Material.CHROME if appearance.trim.bright_grille else Material.DARK_CHROME
    for trim in mouth.trim:
        yield from _both(surface, trim, bright)
    for lamp in FOG_LAMPS[appearance.fittings.fog_lamps]:
        yield from _both(surface, grown(lamp, 0.02), Material.SHADE)
        yield from _both(surface, lamp, Material.LED)
    yield from _grille_faces(appearance, surface, bright)
    yield from _lamp_faces(surface, HEADLIGHTS[appearance.lights.head], front=True)
    if appearance.marks.light_bar:
        yield from _both(surface, box(0, 0.62, 0.90, 0.945), Material.LED)
    yield from _plate_faces(surface, 0.30)
    yield from _emblem_faces(appearance, surface, 0.80)


def rear_faces(appearance: CarAppearance, shell: Shell) -> Iterable[Face]:
    """Everything on the rear end, in painting order."""
    surface = shell.rear_point
    sill = 0.16 if appearance.body.style in RUGGED else 0.06
    yield from _both(surface, box(0, 1, 0.0, sill), Material.PLASTIC)
    for opening in REAR_BUMPERS[appearance.trim.bumper]:
        yield from _both(surface, opening, Material.PLASTIC)
    yield from _both(surface, box(0, 0.74, 0.40, 0.415), Material.SEAM)
    yield from _both(surface, box(0.72, 0.735, 0.40, 1.0), Material.SEAM)
    exhausts = 0 if appearance.marks.light_bar else appearance.trim.exhausts
    for place in (0.46, 0.36)[:exhausts]:
        yield from _both(surface, box(place, place + 0.08, 0.04, 0.11), Material.CHROME)
    yield from _both(surface, REFLECTORS[appearance.trim.bumper], Material.TAIL)
    yield from _lamp_faces(surface, TAIL_LIGHTS[appearance.lights.tail], front=False)
    on_gate = appearance.body.plate_on_tailgate
    if on_gate:
        yield from _both(surface, box(0, 0.25, 0.48, 0.66), Material.SEAM)
    yield from _plate_faces(surface, 0.57 if on_gate else 0.28)
    full_bar = appearance.lights.tail is TailLights.FULL_BAR
    yield from _emblem_faces(appearance, surface, 0.90 if full_bar else 0.80)
    if appearance.marks.blue_badges:
        yield from band_faces(surface, box(0.42, 0.54, 0.46, 0.52), Material.BLUE)


def _both(surface: Surface, knots: Knots, material: Material) -> Iterable[Face]:
    """A band and its mirror image."""
    yield from band_faces(surface, knots, material)
    yield from band_faces(surface, mirrored(knots), material)


def _grille_faces(appearance: CarAppearance, surface: Surface, bright: Material) -> Iterable[Face]:
    for shape in GRILLES[appearance.face.grille]:
        tall = _taller(shape, appearance.trim.grille_growth)
        yield from _both(surface, grown(tall, 0.028), bright)
        yield from _both(surface, tall, Material.SHADE)
        for bar in _bars(tall, appearance.face.texture):
            yield from _both(surface, bar, bright)
        if appearance.marks.grille_panel > 0:
            yield from _both(
                surface, _lower_part(tall, appearance.marks.grille_panel), Material.PAINT
            )


def _taller(knots: Knots, ratio: float) -> Knots:
    """A grille stretched downwards, its upper edge kept."""
    return [(place, high - (high - low) * ratio, high) for place, low, high in knots]


def _lower_part(knots: Knots, share: float) -> Knots:
    return [(place, low, low + share * (high - low)) for place, low, high in knots]


def _bars(knots: Knots, texture: Texture) -> Iterable[Knots]:
    tallest = max(high - low for _, low, high in knots)
    count = max(round(tallest / 0.11), 1)
    if texture is Texture.SINGLE_BAR:
        yield stripe(knots, 0.5, 0.035)
    if texture in {Texture.HORIZONTAL, Texture.MESH}:
        for level in np.linspace(0, 1, count + 2)[1:-1]:
            yield stripe(knots, float(level), 0.022)
    if texture in {Texture.VERTICAL, Texture.MESH}:
        for place in np.arange(knots[0][0] + 0.025, knots[-1][0], 0.05):
            yield post(knots, float(place), 0.012)


def _lamp_faces(surface: Surface, lamp: Lamp, front: bool) -> Iterable[Face]:
    for lens in lamp.lens:
        yield from _both(surface, grown(lens, 0.012), Material.SHADE)
        yield from _both(surface, lens, Material.LAMP if front else Material.TAIL)
    for guide in lamp.guide:
        yield from _both(surface, guide, Material.LED if front else Material.TAIL_LED)


def _plate_faces(surface: Surface, up: float) -> Iterable[Face]:
    """A long Korean number plate, 520 by 110 mm, with unreadable characters."""
    yield from _both(surface, box(0, 0.225, up - 0.085, up + 0.085), Material.PLATE)
    for place in (0.02, 0.075, 0.13):
        yield from _both(surface, box(place, place + 0.028, up - 0.045, up + 0.045), Material.INK)


def _emblem_faces(appearance: CarAppearance, surface: Surface, up: float) -> Iterable[Face]:
    shape = [(place, up + low, up + high) for place, low, high in EMBLEMS[appearance.face.emblem]]
    yield from band_faces(surface, grown(shape, 0.012), Material.SHADE)
    badge = Material.BLUE if appearance.marks.blue_badges else Material.CHROME
    yield from band_faces(surface, shape, badge)
