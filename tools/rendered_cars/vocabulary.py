"""The invented words of rendered car names and what each means in the picture."""

from __future__ import annotations

from tools.rendered_cars.part_shapes import Bumper, Emblem, Grille, Texture
from tools.rendered_cars.parts import MakerFace, Trim
from tools.rendered_cars.proportions import BodyStyle

MAKERS: dict[str, MakerFace] = {
    "한별": MakerFace(Grille.HEXAGON, Texture.HORIZONTAL, Emblem.DISC),
    "가온": MakerFace(Grille.PINCHED, Texture.MESH, Emblem.BLOCK),
    "도담": MakerFace(Grille.OVAL, Texture.SINGLE_BAR, Emblem.DIAMOND),
    "아라솔": MakerFace(Grille.TWIN_BARS, Texture.HORIZONTAL, Emblem.WINGS),
    "Norvik": MakerFace(Grille.TRAPEZOID, Texture.VERTICAL, Emblem.DISC),
    "Castel": MakerFace(Grille.KIDNEYS, Texture.VERTICAL, Emblem.DISC),
    "Ostra": MakerFace(Grille.SHIELD, Texture.MESH, Emblem.DIAMOND),
    "Lumera": MakerFace(Grille.SLIM, Texture.SINGLE_BAR, Emblem.WINGS),
    "Zephra": MakerFace(Grille.SLOTS, Texture.SINGLE_BAR, Emblem.BLOCK),
    "Belmoro": MakerFace(Grille.SPINDLE, Texture.MESH, Emblem.WINGS),
}
"""Maker words; each stands first in a base."""

MODEL_LINES: dict[str, BodyStyle] = {
    "다온": BodyStyle.SEDAN,
    "미르": BodyStyle.SUV,
    "누리": BodyStyle.HATCHBACK,
    "마루": BodyStyle.VAN,
    "윤슬": BodyStyle.COUPE,
    "해담": BodyStyle.CROSSOVER,
    "조약": BodyStyle.MICRO,
    "터울": BodyStyle.PICKUP,
    "Tarn": BodyStyle.CROSSOVER,
    "Alda": BodyStyle.COUPE,
    "Solin": BodyStyle.WAGON,
    "Brisa": BodyStyle.HATCHBACK,
    "Corro": BodyStyle.PICKUP,
    "Petir": BodyStyle.MICRO,
    "Merin": BodyStyle.SEDAN,
    "Quarz": BodyStyle.SUV,
}
"""Model-line words; each stands after the maker in a base."""

_TRIMS: dict[tuple[str, ...], Trim] = {
    ("",): Trim(Bumper.PLAIN, bright_grille=True, grille_growth=1.0, exhausts=1),
    ("더 뉴", "The New"): Trim(Bumper.FANGS, bright_grille=False, grille_growth=1.25, exhausts=2),
    ("올뉴", "All New"): Trim(Bumper.WIDE_MOUTH, bright_grille=True, grille_growth=0.8, exhausts=0),
    ("디 올뉴", "The All New"): Trim(
        Bumper.AIR_CURTAINS, bright_grille=False, grille_growth=1.4, exhausts=2
    ),
    ("페이스리프트", "Facelift"): Trim(
        Bumper.SKID_PLATE, bright_grille=True, grille_growth=0.75, exhausts=1
    ),
}
FACELIFTS: dict[str, Trim] = {mark: trim for marks, trim in _TRIMS.items() for mark in marks}
"""Facelift marks as `parse_name` spells them, in Korean and English; "" is a first edition."""
