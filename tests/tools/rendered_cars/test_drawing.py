import numpy as np
import pytest
from PIL import Image

from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.camera import Camera
from tools.rendered_cars.car import car_mesh
from tools.rendered_cars.drawing import draw_mesh, painting_order
from tools.rendered_cars.faces import Face, Layer, Material, stack_faces


def camera(yaw_degrees):
    return Camera(np.radians(yaw_degrees), 0.1, 0.0, 8.0, focal=600.0, centre=(160.0, 110.0))


def square(x, material, layer=Layer.SKIN):
    """A square metre across the long axis that looks forward."""
    corners = np.array([[x, -0.5, 0.2], [x, 0.5, 0.2], [x, 0.5, 1.2], [x, -0.5, 1.2]])
    return Face(corners, material, layer, np.array([1.0, 0.0, 0.0]))


def painted(faces, yaw_degrees):
    """Alpha of the canvas, and the material painted on the pixel in the middle."""
    mesh = stack_faces(faces)
    colours = np.eye(len(faces), 3) * 0.5
    canvas = Image.new("RGBA", (320, 200))
    draw_mesh(canvas, mesh, colours, camera(yaw_degrees))
    return canvas.getpixel((160, 110))


class TestDrawMesh:
    @pytest.mark.parametrize("order", [1, -1])
    def test_nearer_faces_hide_farther_ones(self, order):
        faces = [square(1.0, Material.PAINT), square(0.0, Material.GLASS)][::order]

        red, green, _, alpha = painted(faces, 0)

        assert (red > green) == (order == 1)
        assert alpha == 255

    def test_details_hide_the_skin_that_they_lie_on(self):
        red, green, *_ = painted(
            [square(0.0, Material.TAIL, Layer.DETAIL), square(0.01, Material.PAINT)], 0
        )

        assert red > green

    def test_the_inner_side_of_a_face_is_not_painted(self):
        assert painted([square(0.0, Material.PAINT)], 180) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("yaw", "seen", "hidden"),
    [(0, Material.LAMP, Material.TAIL), (180, Material.TAIL, Material.LAMP)],
)
def test_lamps_show_from_their_own_end_only(yaw, seen, hidden):
    mesh = car_mesh(appearance_of("한별_다온_2세대_2018"))
    materials = set(mesh.materials[painting_order(mesh, camera(yaw))])

    assert seen in materials
    assert hidden not in materials


def test_the_far_mirror_is_painted_before_the_skin_and_the_near_one_after():
    mesh = car_mesh(appearance_of("한별_다온_2세대_2018"))
    order = painting_order(mesh, camera(40))
    skin = np.flatnonzero(mesh.layers[order] == Layer.SKIN)
    mirrors = np.flatnonzero(mesh.layers[order] == Layer.NEAR_SIDE)
    near = mesh.sides[order[mirrors]] == 1

    assert mirrors[near].min() > skin.max()
    assert mirrors[~near].max() < skin.min()
