"""Windshield, rear window and side windows, with pillars and trim."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tools.rendered_cars.bands import Knots, band_faces, box, grown, post
from tools.rendered_cars.faces import Face, Material
from tools.rendered_cars.parts import Body, SideGlass
from tools.rendered_cars.proportions import TALL_TAIL, BodyStyle
from tools.rendered_cars.shell import Shell

SIDE_GLASS: dict[SideGlass, Knots] = {
    SideGlass.LEVEL: [(0.05, 0.10, 0.14), (0.13, 0.10, 0.84), (0.84, 0.10, 0.84), (0.92, 0.1, 0.5)],
    SideGlass.KICKED_UP: [
        (0.05, 0.06, 0.12), (0.13, 0.07, 0.82), (0.62, 0.10, 0.86), (0.80, 0.28, 0.82),
        (0.93, 0.62, 0.72),
    ],
    SideGlass.ARCHED: [
        (0.05, 0.08, 0.12), (0.13, 0.08, 0.76), (0.45, 0.08, 0.90), (0.75, 0.08, 0.78),
        (0.93, 0.12, 0.26),
    ],
    SideGlass.FLOATING_ROOF: [(0.05, 0.1, 0.14), (0.13, 0.1, 0.86), (0.99, 0.1, 0.86)],
}  # fmt: skip
"""Along the greenhouse from windshield (0) to tail (1), and up from belt (0) to roof (1)."""

PILLARS: dict[BodyStyle, tuple[float, ...]] = {
    BodyStyle.COUPE: (0.62,),
    BodyStyle.PICKUP: (0.52,),
    BodyStyle.VAN: (0.32, 0.66),
    BodyStyle.WAGON: (0.36, 0.70),
    BodyStyle.SUV: (0.38, 0.74),
}
"""Places of the pillars between the side windows."""

TWO_ROWS = (0.42, 0.78)


def glass_faces(body: Body, shell: Shell) -> Iterable[Face]:
    """All glass in painting order."""
    foot, head = (0.16, 0.86) if body.style in TALL_TAIL else (0.08, 0.93)
    yield from band_faces(shell.windshield_point, box(-0.86, 0.86, 0.0, 0.07), Material.PLASTIC)
    yield from band_faces(shell.windshield_point, box(-0.84, 0.84, 0.06, 0.94), Material.GLASS)
    yield from band_faces(shell.backlight_point, box(-0.8, 0.8, foot, head), Material.GLASS)
    window = SIDE_GLASS[body.side_glass]
    trim = Material.CHROME if body.bright_trim else Material.SHADE
    for side in (1, -1):
        surface = partial(shell.glass_side_point, side=side)
        yield from band_faces(surface, grown(window, 0.035), trim)
        yield from band_faces(surface, window, Material.GLASS)
        for place in PILLARS.get(body.style, TWO_ROWS):
            yield from band_faces(surface, post(window, place, 0.024), Material.PLASTIC)
