import numpy as np
import pytest

from chajong.reports.known_cars import known_car_chart, known_car_table
from chajong.search.known_cars import Distances


@pytest.fixture
def distances():
    known = np.tile(np.linspace(0.1, 0.2, 20), 10)
    return Distances(known, np.append(known[:-1] + 0.5, np.inf), np.repeat(np.arange(10), 20))


def test_shares_have_intervals_around_them(distances):
    table = known_car_table(distances).set_index("photos_of")
    assert table.loc["known cars", "refused"] <= 0.05
    assert table.loc["held-back classes", "refused"] == 1
    assert (table["low"] <= table["refused"]).all()
    assert (table["refused"] <= table["high"]).all()


def test_the_chart_has_both_kinds_and_the_limit(distances):
    figure = known_car_chart(distances, known_car_table(distances))
    assert [bars.name for bars in figure.data] == ["known cars", "held-back classes"]
    assert sum(figure.data[0].y) == pytest.approx(1)
    assert figure.layout.shapes[0].x0 == known_car_table(distances)["limit"][0]


def test_the_chart_speaks_korean(distances):
    figure = known_car_chart(distances, known_car_table(distances), "ko")
    assert [bars.name for bars in figure.data] == ["학습한 차종", "임시로 제외한 차종"]
    assert "미학습 차종으로 판정" in figure.layout.title.text
