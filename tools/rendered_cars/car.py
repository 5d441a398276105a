"""The whole car as one mesh."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tools.rendered_cars.ends import front_faces, rear_faces
from tools.rendered_cars.faces import Floats, Mesh, stack_faces
from tools.rendered_cars.glass import glass_faces
from tools.rendered_cars.parts import CarAppearance
from tools.rendered_cars.shell import Shell
from tools.rendered_cars.sides import side_faces
from tools.rendered_cars.skin import skin_faces
from tools.rendered_cars.wheels import wheel_faces


@lru_cache(maxsize=32)
def car_mesh(appearance: CarAppearance) -> Mesh:
    """Mesh of a car; kept, since a class is rendered many times."""
    shell = Shell(appearance.body.proportions)
    return stack_faces(
        [
            *wheel_faces(appearance),
            *skin_faces(appearance.body.style, shell),
            *glass_faces(appearance.body, shell),
            *side_faces(appearance.body.style, shell),
            *front_faces(appearance, shell),
            *rear_faces(appearance, shell),
        ]
    )


def ground_outline(appearance: CarAppearance) -> Floats:
    """[n, 3] outline of the car's body on the ground, where its shadow lies."""
    shell = Shell(appearance.body.proportions)
    across = np.linspace(-1, 1, 13)
    level = np.full_like(across, 0.3)
    ends = [shell.front_point(across, level), shell.rear_point(-across, level)]
    outline: Floats = np.concatenate(ends) * np.array([0.97, 0.96, 0.0])
    return outline
