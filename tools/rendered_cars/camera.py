"""A pinhole camera that circles the car."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.rendered_cars.faces import Floats


@dataclass(frozen=True)
class Camera:
    """Where the photo is taken from.

    Attributes:
        yaw: Radians around the car; 0 sees its front, pi/2 its left side, pi its rear.
        elevation: Radians above the horizontal.
        roll: Radians that the camera leans.
        distance: Metres from the point it looks at.
        focal: Focal length in pixels.
        centre: Pixel (x, y) that shows the point looked at.
        target_height: Metres above ground of the point looked at.
    """

    yaw: float
    elevation: float
    roll: float
    distance: float
    focal: float
    centre: tuple[float, float]
    target_height: float = 0.62

    @property
    def axes(self) -> Floats:
        """[3, 3] rows: right, up and towards the camera, in car coordinates."""
        sin_yaw, cos_yaw = np.sin(self.yaw), np.cos(self.yaw)
        sin_up, cos_up = np.sin(self.elevation), np.cos(self.elevation)
        towards = np.array([cos_up * cos_yaw, cos_up * sin_yaw, sin_up])
        right = np.array([-sin_yaw, cos_yaw, 0.0])
        above = np.cross(towards, right)
        lean_right = np.cos(self.roll) * right + np.sin(self.roll) * above
        lean_above = np.cos(self.roll) * above - np.sin(self.roll) * right
        return np.stack([lean_right, lean_above, towards])

    @property
    def position(self) -> Floats:
        """[3] place of the camera in car coordinates."""
        place: Floats = self.distance * self.axes[2]
        place[2] += self.target_height
        return place

    @property
    def horizon(self) -> float:
        """Pixel row of the horizon under the picture's centre (smaller is higher)."""
        return self.centre[1] - self.focal * float(np.tan(self.elevation))


def project(points: Floats, camera: Camera) -> tuple[Floats, Floats]:
    """Project points in car coordinates onto the picture.

    Args:
        points: [n, 3] metres.
        camera: The camera.

    Returns:
        Pixels [n, 2] (x right, y down) and the distance along the optical axis [n].
    """
    seen = (points - camera.position) @ camera.axes.T
    depth = -seen[:, 2]
    scale = camera.focal / np.maximum(depth, 0.1)
    x = camera.centre[0] + seen[:, 0] * scale
    y = camera.centre[1] - seen[:, 1] * scale
    return np.stack([x, y], axis=1), depth
