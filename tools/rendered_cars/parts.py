"""The parts of a car that its class decides, grouped by the part of the name that does.

==============  ========================  =====================================================
part of a name  part of the car           what it is
==============  ========================  =====================================================
model line      `CarAppearance.body`      body type, proportions, side glass, rear plate's place
maker           `CarAppearance.face`      outline and texture of the grille, emblem
generation      `CarAppearance.lights`    headlights and tail lights
facelift        `CarAppearance.trim`      bumpers, height and finish of the grille, exhausts
powertrain      `CarAppearance.marks`     closed grille, aero wheels, light bar, blue badges
first year      `CarAppearance.fittings`  wheels and fog lamps
==============  ========================  =====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tools.rendered_cars.part_shapes import (
    Bumper,
    Emblem,
    FogLamps,
    Grille,
    Headlights,
    TailLights,
    Texture,
)
from tools.rendered_cars.proportions import BodyStyle, Proportions


class SideGlass(StrEnum):
    """Outline of the side windows."""

    LEVEL = "level"
    KICKED_UP = "kicked up"
    ARCHED = "arched"
    FLOATING_ROOF = "floating roof"


class Wheel(StrEnum):
    """Design of the wheels."""

    SPOKES = "spokes"
    TWIN_SPOKES = "twin spokes"
    TURBINE = "turbine"


@dataclass(frozen=True)
class Body:
    """What a model line decides.

    Attributes:
        style: Body type.
        proportions: Its measures.
        side_glass: Outline of the side windows.
        bright_trim: Chrome around the side windows, else black.
        plate_on_tailgate: The rear plate sits between the tail lights, else in the bumper.
    """

    style: BodyStyle
    proportions: Proportions
    side_glass: SideGlass
    bright_trim: bool
    plate_on_tailgate: bool


@dataclass(frozen=True)
class MakerFace:
    """What a maker decides: the grille's outline and filling, and the emblem."""

    grille: Grille
    texture: Texture
    emblem: Emblem


@dataclass(frozen=True)
class Lights:
    """What a generation decides."""

    head: Headlights
    tail: TailLights


@dataclass(frozen=True)
class Trim:
    """What a facelift decides.

    Attributes:
        bumper: Shape of the bumpers.
        bright_grille: Chrome frame and bars in the grille, else dark ones.
        grille_growth: Height of the grille as a ratio to the maker's usual one.
        exhausts: Pipes that show on each side.
    """

    bumper: Bumper
    bright_grille: bool
    grille_growth: float
    exhausts: int


@dataclass(frozen=True)
class PowertrainMarks:
    """What a powertrain decides.

    Attributes:
        grille_panel: Share of the grille, from below, that a panel in body colour closes.
        aero_wheels: Nearly closed wheels.
        blue_badges: Blue emblem and badges.
        light_bar: A glowing strip across the front and no exhausts.
    """

    grille_panel: float
    aero_wheels: bool
    blue_badges: bool
    light_bar: bool


@dataclass(frozen=True)
class Fittings:
    """What the first model year decides.

    Attributes:
        fog_lamps: Small lamps in the front bumper.
        wheel: Design of the wheels.
        spokes: Number of spokes.
        rim_share: Radius of the rim as a share of the wheel's; newer cars have larger rims.
    """

    fog_lamps: FogLamps
    wheel: Wheel
    spokes: int
    rim_share: float


@dataclass(frozen=True)
class CarAppearance:
    """All that the class of a car shows in a picture."""

    body: Body
    face: MakerFace
    lights: Lights
    trim: Trim
    marks: PowertrainMarks
    fittings: Fittings
