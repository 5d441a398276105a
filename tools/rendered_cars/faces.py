"""Flat faces, the materials they are made of, and the mesh they are stacked into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Surface = Callable[[Floats, Floats], Floats]
"""Maps two surface coordinates, each [n], to points [n, 3] in metres."""


class Material(IntEnum):
    """What a face is made of; `shading` gives each its colour and gloss."""

    PAINT = 0
    GLASS = 1
    PLASTIC = 2
    CHROME = 3
    RUBBER = 4
    RIM = 5
    SHADE = 6
    LAMP = 7
    LED = 8
    TAIL = 9
    TAIL_LED = 10
    PLATE = 11
    INK = 12
    BLUE = 13
    AMBER = 14
    SEAM = 15
    DARK_CHROME = 16


class Layer(IntEnum):
    """Painting order. Faces of a higher layer cover those of a lower one."""

    FAR_SIDE = 0
    UNDERBODY = 1
    WHEELS = 2
    SKIN = 3
    DETAIL = 4
    NEAR_SIDE = 5


class Face(NamedTuple):
    """One planar polygon.

    Attributes:
        corners: [k, 3] points in metres.
        material: What it is made of.
        layer: When it is painted.
        outward: [3] vector that tells which of its two sides is the outer one.
        group: Faces of one wheel are painted together, in order.
        side: +1 or -1 for parts on the left or right side that must be painted first when
            that side is turned away (wheels, mirrors). 0 for the rest.
    """

    corners: Floats
    material: Material
    layer: Layer
    outward: Floats
    group: int = 0
    side: int = 0


@dataclass(frozen=True)
class Mesh:
    """Faces stacked for vectorised projection and shading.

    Attributes:
        vertices: [v, 3] corners of all faces, one face after the other.
        starts: [f] index of each face's first vertex; `starts[f + 1]` ends it.
        normals: [f, 3] outward unit normals.
        centres: [f, 3] means of the corners.
        materials: [f] `Material` values.
        layers: [f] `Layer` values.
        group_centres: [f, 3] mean of the centres of the face's group.
        sides: [f] +1, -1 or 0.
    """

    vertices: Floats
    starts: npt.NDArray[np.int64]
    normals: Floats
    centres: Floats
    materials: npt.NDArray[np.int64]
    layers: npt.NDArray[np.int64]
    group_centres: Floats
    sides: npt.NDArray[np.int64]


def stack_faces(faces: Sequence[Face]) -> Mesh:
    """Stack faces into one mesh, every normal turned to its outer side."""
    vertices = np.concatenate([face.corners for face in faces])
    counts = np.array([len(face.corners) for face in faces])
    starts = np.concatenate([[0], np.cumsum(counts)])
    normals = _normals(vertices, starts)
    outward = np.array([face.outward for face in faces])
    normals *= np.where((normals * outward).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    centres = np.add.reduceat(vertices, starts[:-1]) / counts[:, None]
    groups = np.array([face.group for face in faces])
    group_centres = np.array([centres[groups == g].mean(axis=0) for g in range(max(groups) + 1)])
    return Mesh(
        vertices=vertices,
        starts=starts,
        normals=normals,
        centres=centres,
        materials=np.array([int(face.material) for face in faces]),
        layers=np.array([int(face.layer) for face in faces]),
        group_centres=group_centres[groups],
        sides=np.array([face.side for face in faces]),
    )


def _normals(vertices: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """Unit normals [f, 3] of polygons, by Newell's method."""
    following = np.arange(1, len(vertices) + 1)
    following[starts[1:] - 1] = starts[:-1]
    normals: Floats = np.add.reduceat(np.cross(vertices, vertices[following]), starts[:-1])
    lengths: Floats = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.maximum(lengths, 1e-12)


def grid_faces(
    points: Floats, material: Material, layer: Layer, outward: Callable[[Floats], Floats]
) -> Iterable[Face]:
    """Quads of a grid of points.

    Args:
        points: [rows, columns, 3].
        material: Material of every quad.
        layer: Layer of every quad.
        outward: Gives, for centres [n, 3] of quads, vectors [n, 3] to their outer sides.

    Yields:
        One face per cell; cells squeezed to nothing (below a wheel arch) are left out.
    """
    corners = np.stack(
        [points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2
    ).reshape(-1, 4, 3)
    sizes = np.linalg.norm(
        np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1
    )
    corners = corners[sizes > 1e-6]
    for quad, direction in zip(corners, outward(corners.mean(axis=1)), strict=True):
        yield Face(quad, material, layer, direction)
