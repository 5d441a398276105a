"""Body types of the parametric cars and their proportions in metres."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BodyStyle(StrEnum):
    """Body types that a model line can have."""

    SEDAN = "sedan"
    HATCHBACK = "hatchback"
    SUV = "suv"
    CROSSOVER = "crossover"
    WAGON = "wagon"
    COUPE = "coupe"
    VAN = "van"
    PICKUP = "pickup"
    MICRO = "micro"


RUGGED = {BodyStyle.SUV, BodyStyle.CROSSOVER, BodyStyle.PICKUP}
"""Body types with dark cladding around their lower edge."""

TALL_TAIL = {BodyStyle.SUV, BodyStyle.WAGON, BodyStyle.HATCHBACK, BodyStyle.VAN, BodyStyle.MICRO}
"""Body types with an upright rear window under a spoiler."""


@dataclass(frozen=True)
class Proportions:
    """Side profile and width of one car.

    Lengths and heights are metres. Stations along the car (`windshield_base` to
    `backlight_base`) are fractions of the length, measured from the front bumper.

    Attributes:
        length: Bumper to bumper.
        width: Without mirrors.
        height: Ground to roof.
        wheelbase: Between the axles.
        front_overhang: Front bumper to front axle.
        clearance: Ground to sill.
        wheel_radius: Tyre included.
        nose_height: Leading edge of the hood.
        cowl_height: Foot of the windshield.
        belt_height: Foot of the side glass at the rear door.
        deck_height: Top of the tail.
        windshield_base: Station of the foot of the windshield.
        windshield_top: Station of the front edge of the roof.
        roof_end: Station of the rear edge of the roof.
        backlight_base: Station of the foot of the rear window.
        roof_drop: How much lower the roof ends than it peaks.
        tumblehome: Inward lean of the side glass, from belt to roof.
        corner_depth: How far the front and rear ends curve back at their corners.
    """

    length: float
    width: float
    height: float
    wheelbase: float
    front_overhang: float
    clearance: float
    wheel_radius: float
    nose_height: float
    cowl_height: float
    belt_height: float
    deck_height: float
    windshield_base: float
    windshield_top: float
    roof_end: float
    backlight_base: float
    roof_drop: float
    tumblehome: float
    corner_depth: float

    @property
    def front(self) -> float:
        """X of the front bumper; the origin lies midway between the axles."""
        return self.wheelbase / 2 + self.front_overhang

    @property
    def rear(self) -> float:
        """X of the rear bumper (negative)."""
        return self.front - self.length

    @property
    def axles(self) -> tuple[float, float]:
        """X of the front and of the rear axle."""
        return self.wheelbase / 2, -self.wheelbase / 2

    def station(self, fraction: float) -> float:
        """X of the station at `fraction` of the length from the front."""
        return self.front - fraction * self.length


PROPORTIONS: dict[BodyStyle, Proportions] = {
    BodyStyle.SEDAN: Proportions(
        length=4.80, width=1.85, height=1.46, wheelbase=2.82, front_overhang=0.90,
        clearance=0.17, wheel_radius=0.335, nose_height=0.74, cowl_height=0.97,
        belt_height=0.98, deck_height=1.03, windshield_base=0.265, windshield_top=0.435,
        roof_end=0.690, backlight_base=0.860, roof_drop=0.05, tumblehome=0.20, corner_depth=0.42,
    ),
    BodyStyle.HATCHBACK: Proportions(
        length=4.15, width=1.79, height=1.50, wheelbase=2.60, front_overhang=0.82,
        clearance=0.16, wheel_radius=0.320, nose_height=0.76, cowl_height=1.00,
        belt_height=1.00, deck_height=1.04, windshield_base=0.235, windshield_top=0.420,
        roof_end=0.870, backlight_base=0.970, roof_drop=0.08, tumblehome=0.18, corner_depth=0.40,
    ),
    BodyStyle.SUV: Proportions(
        length=4.68, width=1.89, height=1.72, wheelbase=2.72, front_overhang=0.88,
        clearance=0.23, wheel_radius=0.375, nose_height=0.96, cowl_height=1.14,
        belt_height=1.14, deck_height=1.18, windshield_base=0.255, windshield_top=0.405,
        roof_end=0.900, backlight_base=0.975, roof_drop=0.05, tumblehome=0.17, corner_depth=0.36,
    ),
    BodyStyle.CROSSOVER: Proportions(
        length=4.55, width=1.87, height=1.60, wheelbase=2.72, front_overhang=0.86,
        clearance=0.21, wheel_radius=0.370, nose_height=0.86, cowl_height=1.08,
        belt_height=1.09, deck_height=1.17, windshield_base=0.240, windshield_top=0.415,
        roof_end=0.740, backlight_base=0.960, roof_drop=0.12, tumblehome=0.21, corner_depth=0.40,
    ),
    BodyStyle.WAGON: Proportions(
        length=4.82, width=1.84, height=1.49, wheelbase=2.82, front_overhang=0.89,
        clearance=0.18, wheel_radius=0.340, nose_height=0.75, cowl_height=0.98,
        belt_height=0.99, deck_height=1.02, windshield_base=0.260, windshield_top=0.425,
        roof_end=0.900, backlight_base=0.975, roof_drop=0.06, tumblehome=0.18, corner_depth=0.40,
    ),
    BodyStyle.COUPE: Proportions(
        length=4.55, width=1.88, height=1.34, wheelbase=2.70, front_overhang=0.84,
        clearance=0.14, wheel_radius=0.335, nose_height=0.71, cowl_height=0.92,
        belt_height=0.92, deck_height=0.99, windshield_base=0.310, windshield_top=0.480,
        roof_end=0.640, backlight_base=0.905, roof_drop=0.06, tumblehome=0.24, corner_depth=0.46,
    ),
    BodyStyle.VAN: Proportions(
        length=5.05, width=1.95, height=1.86, wheelbase=3.06, front_overhang=0.93,
        clearance=0.18, wheel_radius=0.345, nose_height=0.88, cowl_height=1.12,
        belt_height=1.10, deck_height=1.14, windshield_base=0.150, windshield_top=0.315,
        roof_end=0.935, backlight_base=0.985, roof_drop=0.04, tumblehome=0.16, corner_depth=0.36,
    ),
    BodyStyle.PICKUP: Proportions(
        length=5.20, width=1.92, height=1.80, wheelbase=3.14, front_overhang=0.92,
        clearance=0.28, wheel_radius=0.385, nose_height=1.00, cowl_height=1.17,
        belt_height=1.17, deck_height=1.19, windshield_base=0.245, windshield_top=0.375,
        roof_end=0.600, backlight_base=0.635, roof_drop=0.03, tumblehome=0.16, corner_depth=0.32,
    ),
    BodyStyle.MICRO: Proportions(
        length=3.60, width=1.60, height=1.62, wheelbase=2.44, front_overhang=0.70,
        clearance=0.17, wheel_radius=0.300, nose_height=0.86, cowl_height=1.03,
        belt_height=1.02, deck_height=1.04, windshield_base=0.150, windshield_top=0.325,
        roof_end=0.945, backlight_base=0.985, roof_drop=0.05, tumblehome=0.11, corner_depth=0.30,
    ),
}  # fmt: skip
