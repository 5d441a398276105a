import numpy as np
import pytest

from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.car import car_mesh, ground_outline
from tools.rendered_cars.faces import Layer, Material
from tools.rendered_cars.proportions import BodyStyle
from tools.rendered_cars.vocabulary import MODEL_LINES

LINES = {style: line for line, style in MODEL_LINES.items()}


@pytest.fixture(params=list(BodyStyle))
def car(request):
    return appearance_of(f"한별_{LINES[request.param]}_2018")


def faces_of(mesh, material):
    return np.flatnonzero(mesh.materials == material)


class TestMesh:
    def test_has_the_length_and_height_of_its_proportions(self, car):
        mesh, p = car_mesh(car), car.body.proportions
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)

        assert high[0] - low[0] == pytest.approx(p.length, abs=0.06)
        assert high[2] == pytest.approx(p.height, abs=0.05)
        assert low[2] == pytest.approx(0.0, abs=0.01)

    def test_is_the_same_on_both_sides(self, car):
        skin = car_mesh(car)
        corners = np.round(skin.vertices[: skin.starts[-1]], 6)
        left = {tuple(c) for c in np.abs(corners[corners[:, 1] > 0.3])}
        right = {tuple(c) for c in np.abs(corners[corners[:, 1] < -0.3])}

        assert len(left & right) > 0.9 * len(left | right)

    def test_stands_on_four_wheels_at_its_axles(self, car):
        mesh = car_mesh(car)
        wheels = np.unique(mesh.group_centres[mesh.layers == Layer.WHEELS], axis=0)

        assert len(wheels) == 4
        assert sorted({round(x, 2) for x in wheels[:, 0]}) == [
            pytest.approx(round(x, 2), abs=0.02) for x in sorted(car.body.proportions.axles)
        ]

    def test_normals_are_unit_vectors_away_from_the_car(self, car):
        mesh = car_mesh(car)
        plates = faces_of(mesh, Material.PLATE)

        assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1.0)
        assert (mesh.normals[plates, 0] * mesh.centres[plates, 0] > 0).all()

    def test_headlights_are_in_front_and_tail_lights_behind(self, car):
        mesh = car_mesh(car)

        assert (mesh.centres[faces_of(mesh, Material.LAMP), 0] > 1).all()
        assert (mesh.centres[faces_of(mesh, Material.TAIL), 0] < -1).all()


def test_the_shadow_has_the_cars_footprint():
    car = appearance_of("한별_다온_2018")
    outline, p = ground_outline(car), car.body.proportions

    assert (outline[:, 2] == 0).all()
    assert np.ptp(outline[:, 0]) == pytest.approx(p.length, rel=0.05)
    assert np.ptp(outline[:, 1]) == pytest.approx(p.width, rel=0.07)


def test_an_electric_car_has_a_light_bar_where_its_sibling_has_a_grille():
    plain, electric = (
        car_mesh(appearance_of(name)) for name in ("Lumera_Brisa_2020", "Lumera_Brisa_EV_2020")
    )

    assert len(faces_of(electric, Material.LED)) > len(faces_of(plain, Material.LED))
    assert len(faces_of(electric, Material.BLUE)) > len(faces_of(plain, Material.BLUE)) == 0
