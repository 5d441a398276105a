"""Painter's algorithm: faces drawn from the farthest to the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw

from tools.rendered_cars.camera import Camera, project
from tools.rendered_cars.faces import Floats, Layer, Mesh
from tools.rendered_cars.shading import to_display

if TYPE_CHECKING:
    from PIL import Image


def painting_order(mesh: Mesh, camera: Camera) -> npt.NDArray[np.int64]:
    """Indices of the faces turned to the camera, in the order to paint them.

    Layers come first. Within the skin, farther faces come first; among wheels, farther
    wheels, each in its own order; details keep their own order, since they lie on the skin
    and hide one another only on purpose.
    """
    sight = camera.position - mesh.centres
    facing = np.flatnonzero((mesh.normals * sight).sum(axis=1) > 0)
    layers = mesh.layers[facing].copy()
    layers[mesh.sides[facing] * camera.position[1] < 0] = Layer.FAR_SIDE
    distance = np.linalg.norm(sight[facing], axis=1)
    group_distance = np.linalg.norm(camera.position - mesh.group_centres[facing], axis=1)
    depth = np.select(
        [layers == Layer.SKIN, layers == Layer.DETAIL],
        [distance, np.zeros(len(facing))],
        group_distance,
    )
    return facing[np.lexsort((facing, -depth, layers))]


def draw_mesh(canvas: Image.Image, mesh: Mesh, colours: Floats, camera: Camera) -> None:
    """Paint a mesh onto an RGBA canvas; painted pixels become opaque.

    Args:
        canvas: RGBA picture. Pixels not painted keep their colour and alpha.
        mesh: The car.
        colours: Linear RGB [f, 3] of the faces.
        camera: Projects onto the canvas' pixels.
    """
    pixels, _ = project(mesh.vertices, camera)
    corners = pixels.ravel().tolist()
    fills = [(*rgb, 255) for rgb in to_display(colours).astype(int).tolist()]
    starts = (2 * mesh.starts).tolist()
    polygon = ImageDraw.Draw(canvas).polygon
    for face in painting_order(mesh, camera).tolist():
        polygon(corners[starts[face] : starts[face + 1]], fill=fills[face])
