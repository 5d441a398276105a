import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.names.table import class_table
from chajong.reports.partial_correctness import (
    OUTCOMES,
    PARTS,
    first_difference,
    partial_correctness,
    partial_correctness_chart,
)

GIVEN = ["Kia", "K5", "3세대", "", "", "2020", "2022"]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"maker": "Hyundai", "base": "그랜저"}, "maker wrong"),
        ({"base": "K7", "generation": ""}, "maker right, model line wrong"),
        ({"maker": "", "base": "별"}, "model line wrong, maker unknown"),
        ({"maker": "", "first_year": "2016"}, "model line right, years wrong"),
        ({"generation": "2세대", "first_year": "2016"}, "model line right, generation wrong"),
        ({"facelift": "더 뉴", "last_year": "2024"}, "model line right, facelift wrong"),
        ({"powertrain": "hybrid"}, "model line right, powertrain wrong"),
        ({"last_year": "2024"}, "model line right, years wrong"),
        ({}, "model line right, told apart by no part of the names"),
    ],
)
def test_the_first_part_that_differs_counts(changes, outcome):
    answered = [changes.get(part, given) for part, given in zip(PARTS, GIVEN, strict=True)]
    rows = np.array([GIVEN], dtype=object), np.array([answered], dtype=object)
    assert list(first_difference(*rows)) == [outcome]


@given(st.lists(st.lists(st.sampled_from(["", "a", "b"]), min_size=14, max_size=14), min_size=1))
def test_every_answer_has_an_outcome(rows):
    texts = np.array(rows, dtype=object)
    assert set(first_difference(texts[:, :7], texts[:, 7:])) <= set(OUTCOMES)


def test_shares_sum_to_one(make_scored, classes):
    scored = make_scored(lean=0)
    table = partial_correctness(scored, classes)
    assert table["photos"].sum() == len(scored)
    for column in ("share", "share_of_wrong", "loss_share"):
        assert table[column].sum() == pytest.approx(1)
    assert table.loc[table["outcome"] == "right", "share"].item() == scored.right.mean()


def test_names_of_real_cars(answer):
    names = ["K5_3세대_2020_2022", "K5_2세대_2016_2019", "그랜저_IG_2017_2019"]
    scored = answer([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], [0, 0, 0], names)
    table = partial_correctness(scored, class_table({name: name for name in names}))
    assert list(table["outcome"]) == ["right", "model line right, generation wrong", "maker wrong"]


def test_an_aliased_name_stands_for_its_effective_class(answer):
    names = ["라브4_4세대_2013_2018", "RAV4_2016_2018", "쏘나타_2019_2023"]
    table = class_table({names[0]: names[0], names[1]: names[0], names[2]: names[2]})
    scored = answer([[0.1, 0.9], [0.9, 0.1]], [0, 0], [names[0], names[2]])
    assert list(partial_correctness(scored, table)["photos"]) == [1, 1]


def test_chart_leaves_right_answers_out(make_scored, classes):
    table = partial_correctness(make_scored(lean=0), classes)
    assert sum(partial_correctness_chart(table).data[0].x) == pytest.approx(1)
