"""The outer skin of a car: a lower body and a greenhouse, both lofted from plan outlines.

The car stands on the ground plane with x forward, y to its left and z up, in metres, the
origin midway between the axles. Every `*_point` function maps surface coordinates to
points, so that lamps, glass and seams can be laid onto the skin:

* front and rear end: `across` runs from -1 (right corner) to 1 (left corner) along the
  arc of the bumper, `up` from 0 (lower edge) to 1 (edge of hood or tail);
* sides: x in metres and `up`;
* greenhouse: `across` or `along` and `up` from 0 (belt) to 1 (roof).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tools.rendered_cars.faces import Floats
from tools.rendered_cars.proportions import Proportions

SECTION_UP = (0.0, 0.10, 0.30, 0.55, 0.66, 0.86, 1.0)
SECTION_WIDTH = (0.92, 0.965, 0.975, 0.985, 1.0, 0.985, 0.93)
SETBACK_UP = (0.0, 0.10, 0.35, 0.62, 0.86, 0.95, 1.0)
NOSE_SETBACK = (0.08, 0.03, 0.0, 0.01, 0.05, 0.10, 0.20)
TAIL_SETBACK = (0.10, 0.03, 0.0, 0.03, 0.04, 0.06, 0.12)
ARCH_CLEARANCE = 1.11
ROOF_CROWN = 0.05
GLASS_OVERLAP = 0.03


def superellipse_arc(half_width: float, depth: float, exponent: float) -> Floats:
    """Quarter of a superellipse, sampled evenly along its length.

    Returns:
        [65, 2] distance back from the foremost point and distance from the centre line.
    """
    angle = np.linspace(0, np.pi / 2, 257)
    back = depth * (1 - np.cos(angle) ** (2 / exponent))
    out = half_width * np.sin(angle) ** (2 / exponent)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(back), np.diff(out)))])
    even = np.linspace(0, length[-1], 65)
    return np.stack([np.interp(even, length, back), np.interp(even, length, out)], axis=1)


def on_arc(arc: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Distance back and signed distance from the centre line at `across` in [-1, 1]."""
    place = np.linspace(0, 1, len(arc))
    back = np.interp(np.abs(across), place, arc[:, 0])
    out = np.interp(np.abs(across), place, arc[:, 1])
    return back, np.sign(across) * out


@dataclass(frozen=True)
class Shell:
    """Surfaces of a car with the given proportions."""

    p: Proportions

    @cached_property
    def end_arc(self) -> Floats:
        """Plan outline of half a bumper."""
        return superellipse_arc(self.p.width / 2, self.p.corner_depth, 2.9)

    @cached_property
    def glass_arc(self) -> Floats:
        """Plan outline of half a windshield, for a half width and a depth of one metre."""
        return superellipse_arc(1.0, 1.0, 3.2)

    def top(self, x: Floats) -> Floats:
        """Height of the upper edge of the lower body: hood, belt line and tail."""
        p = self.p
        stations = [
            p.rear,
            p.station(min(p.backlight_base, 0.97)),
            p.station(0.62),
            p.station(p.windshield_base + 0.12),
            p.station(p.windshield_base),
            p.station(p.windshield_base * 0.4),
            p.front,
        ]
        hood_height = p.nose_height + 0.66 * (p.cowl_height - p.nose_height)
        tail = [p.deck_height - 0.02, p.deck_height]
        heights = [*tail, p.belt_height, p.belt_height - 0.02, p.cowl_height, hood_height]
        return np.interp(x, stations, [*heights, p.nose_height])

    @property
    def arch_radius(self) -> float:
        """Radius of the cut-outs for the wheels."""
        return self.p.wheel_radius * ARCH_CLEARANCE

    def arch(self, x: Floats) -> Floats:
        """Height of the wheel arches above the ground, 0 between them."""
        height = np.zeros_like(x)
        for axle in self.p.axles:
            inside = np.clip(self.arch_radius**2 - (x - axle) ** 2, 0, None)
            crown = self.p.wheel_radius + np.sqrt(inside)
            height = np.where(inside > 0, np.maximum(height, crown), height)
        return height

    def _section(self, up: Floats) -> Floats:
        return np.interp(up, SECTION_UP, SECTION_WIDTH)

    def _heights(self, x: Floats, up: Floats) -> Floats:
        return self.p.clearance + up * (self.top(x) - self.p.clearance)

    def front_point(self, across: Floats, up: Floats) -> Floats:
        """Points [n, 3] of the front end."""
        return self._end_point(across, up, self.p.front, 1.0, NOSE_SETBACK)

    def rear_point(self, across: Floats, up: Floats) -> Floats:
        """Points [n, 3] of the rear end; `across` is 1 at the left corner here too."""
        return self._end_point(across, up, self.p.rear, -1.0, TAIL_SETBACK)

    def _end_point(
        self, across: Floats, up: Floats, tip: float, forward: float, setbacks: tuple[float, ...]
    ) -> Floats:
        back, y = on_arc(self.end_arc, across)
        setback = np.interp(up, SETBACK_UP, setbacks) * (1 - back / self.p.corner_depth)
        x = tip - forward * (back + setback)
        return np.stack([x, y * self._section(up), self._heights(x, up)], axis=-1)

    def side_point(self, x: Floats, up: Floats, side: int) -> Floats:
        """Points [n, 3] of the left (+1) or right (-1) side, cut out at the wheel arches."""
        y = side * self.p.width / 2 * self._section(up)
        return np.stack([x, y, np.maximum(self._heights(x, up), self.arch(x))], axis=-1)

    def roof(self, x: Floats) -> Floats:
        """Height of the roof above its side edge."""
        p = self.p
        ahead, behind = p.station(p.windshield_top), p.station(p.roof_end)
        peak = ahead + 0.35 * (behind - ahead)
        forward = np.clip((x - peak) / (ahead - peak), 0, 1.2)
        backward = np.clip((x - peak) / (behind - peak), 0, 1.2)
        return p.height - ROOF_CROWN - 0.03 * forward**2 - p.roof_drop * backward**2

    def _glass_half_width(self, up: Floats) -> Floats:
        base = self.p.width / 2 * SECTION_WIDTH[-1] - 0.01
        rounding = 0.07 * np.clip((up - 0.8) / 0.2, 0, 1) ** 2
        return base - self.p.tumblehome * up - rounding

    def _glass_height(self, foot_x: Floats, head_x: Floats, up: Floats) -> Floats:
        """Height between the belt at `foot_x` and the roof at `head_x`."""
        foot = self.top(foot_x) - GLASS_OVERLAP
        return foot + up * (self.roof(head_x) - foot)

    def _glass_end(self, across: Floats, up: Floats, base: float, edge: float) -> Floats:
        """Points of the windshield or rear window between two stations."""
        back, y = on_arc(self.glass_arc, across)
        inward = np.sign(self.p.front + self.p.rear - 2 * base)
        foot_x, head_x = base + inward * 0.30 * back, edge + inward * 0.22 * back
        x = foot_x + up * (head_x - foot_x)
        z = self._glass_height(foot_x, head_x, up)
        return np.stack([x, y * self._glass_half_width(up), z], axis=-1)

    def windshield_point(self, across: Floats, up: Floats) -> Floats:
        """Points [n, 3] of the windshield and the pillars beside it."""
        base, edge = self.p.station(self.p.windshield_base), self.p.station(self.p.windshield_top)
        return self._glass_end(across, up, base, edge)

    def backlight_point(self, across: Floats, up: Floats) -> Floats:
        """Points [n, 3] of the rear window and the pillars beside it."""
        base, edge = self.p.station(self.p.backlight_base), self.p.station(self.p.roof_end)
        return self._glass_end(across, up, base, edge)

    def glass_side_point(self, along: Floats, up: Floats, side: int) -> Floats:
        """Points [n, 3] of the greenhouse's side; `along` runs from windshield to tail."""
        foot_x, head_x = self._side_x(along, 0.0), self._side_x(along, 1.0)
        x = foot_x + up * (head_x - foot_x)
        z = self._glass_height(foot_x, head_x, up)
        return np.stack([x, side * self._glass_half_width(up), z], axis=-1)

    def _side_x(self, along: Floats, up: float) -> Floats:
        """X of the greenhouse's side edge at the belt (`up` 0) or the roof (`up` 1)."""
        corner = np.ones(1), np.full(1, up)
        ahead = float(self.windshield_point(*corner)[0, 0])
        behind = float(self.backlight_point(*corner)[0, 0])
        return ahead + along * (behind - ahead)
