"""What a car looks like, decided by the parts of its class name (see `parts`).

Words of the invented `vocabulary` mean the same in every name, so that a model can carry
over what it has learned to names that it has never seen. Any other word (a real name's)
means whatever a stable hash of it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from chajong.names.grammar import ParsedName, parse_name
from tools.rendered_cars.part_shapes import (
    Bumper,
    Emblem,
    FogLamps,
    Grille,
    Headlights,
    TailLights,
    Texture,
)
from tools.rendered_cars.parts import (
    Body,
    CarAppearance,
    Fittings,
    Lights,
    MakerFace,
    PowertrainMarks,
    SideGlass,
    Trim,
    Wheel,
)
from tools.rendered_cars.proportions import PROPORTIONS, BodyStyle, Proportions
from tools.rendered_cars.vocabulary import FACELIFTS, MAKERS, MODEL_LINES

Option = TypeVar("Option")

OLDEST, NEWEST = 2005, 2025
"""First years between which the fittings of cars change."""


def appearance_of(name: str) -> CarAppearance:
    """Say what the car of a class looks like.

    A pure function of the parts that `parse_name` finds. Names that mean the same car but
    have other years must be merged first (`chajong.names.aliases.merge_aliases`).

    Args:
        name: Class name such as ``더_뉴_한별_다온_2세대_2019_2021``.

    Returns:
        The appearance; each part of the name decides its own part of the car.
    """
    parsed = parse_name(name)
    maker, line = split_base(parsed)
    return CarAppearance(
        body=_body(line),
        face=_face(maker),
        lights=_lights(parsed.generation, line),
        trim=_trim(parsed.facelift or ""),
        marks=_marks(parsed.powertrain),
        fittings=_fittings(parsed.first_year or NEWEST),
    )


def split_base(parsed: ParsedName) -> tuple[str, str]:
    """Find the maker and the model line of a name.

    The maker is the first word of the base if the vocabulary has it, else the maker that
    the parser knows, else the whole base.
    """
    first, _, rest = parsed.base.partition(" ")
    if first in MAKERS and rest:
        return first, rest
    return parsed.maker or parsed.base, parsed.base


def _body(line: str) -> Body:
    style = MODEL_LINES.get(line) or _pick(line, "style", list(BodyStyle))
    return Body(
        style=style,
        proportions=_varied(PROPORTIONS[style], line),
        side_glass=_pick(line, "glass", list(SideGlass)),
        bright_trim=_share(line, "trim") < 0.5,
        plate_on_tailgate=style is not BodyStyle.COUPE and _share(line, "plate") < 0.6,
    )


def _varied(p: Proportions, line: str) -> Proportions:
    """Proportions of a body type, made a model line's own by a few centimetres."""

    def factor(part: str, spread: float) -> float:
        return 1 + spread * (2 * _share(line, part) - 1)

    scale, height = factor("size", 0.05), factor("height", 0.025)
    return replace(
        p,
        length=p.length * scale,
        wheelbase=p.wheelbase * scale * factor("wheelbase", 0.02),
        front_overhang=p.front_overhang * scale,
        width=p.width * factor("width", 0.02),
        height=p.height * height,
        nose_height=p.nose_height * height * factor("nose", 0.04),
        cowl_height=p.cowl_height * height,
        belt_height=p.belt_height * height * factor("belt", 0.02),
        deck_height=p.deck_height * height * factor("deck", 0.03),
        windshield_top=p.windshield_top + 0.02 * (2 * _share(line, "windshield") - 1),
        roof_drop=p.roof_drop * factor("roof", 0.5),
    )


def _face(maker: str) -> MakerFace:
    return MAKERS.get(maker) or MakerFace(
        _pick(maker, "grille", list(Grille)),
        _pick(maker, "texture", list(Texture)),
        _pick(maker, "emblem", list(Emblem)),
    )


def _lights(generation: str | None, line: str) -> Lights:
    """Lights of a generation: by its number, by its chassis code, or else the model line's."""
    heads, tails = list(Headlights), list(TailLights)
    numbered = re.match(r"(\d+)(세대|st|nd|rd|th)", generation or "")
    if numbered:
        order = int(numbered[1])
        return Lights(heads[order % len(heads)], tails[order % len(tails)])
    word = generation or line
    return Lights(_pick(word, "headlights", heads), _pick(word, "tail lights", tails))


def _trim(facelift: str) -> Trim:
    return FACELIFTS.get(facelift) or Trim(
        bumper=_pick(facelift, "bumper", list(Bumper)),
        bright_grille=_share(facelift, "grille's finish") < 0.5,
        grille_growth=0.75 + 0.6 * _share(facelift, "grille's height"),
        exhausts=_number(facelift, "exhausts") % 3,
    )


def _marks(powertrain: str | None) -> PowertrainMarks:
    if powertrain is None:
        return PowertrainMarks(0.0, aero_wheels=False, blue_badges=False, light_bar=False)
    closed = powertrain in {"electric", "hydrogen"}
    panel = 1.0 if closed else 0.45
    return PowertrainMarks(panel, aero_wheels=True, blue_badges=True, light_bar=closed)


def _fittings(first_year: int) -> Fittings:
    lamps, wheels = list(FogLamps), list(Wheel)
    modernity = (min(max(first_year, OLDEST), NEWEST) - OLDEST) / (NEWEST - OLDEST)
    return Fittings(
        fog_lamps=lamps[first_year % len(lamps)],
        wheel=wheels[first_year % len(wheels)],
        spokes=5 + first_year % 4,
        rim_share=0.62 + 0.16 * modernity,
    )


def _number(word: str, part: str) -> int:
    digest = hashlib.sha256(f"{part}:{word}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _share(word: str, part: str) -> float:
    """Stable number in [0, 1) for a word and a part of the car."""
    return _number(word, part) / 2**48


def _pick(word: str, part: str, options: Sequence[Option]) -> Option:
    return options[_number(word, part) % len(options)]
