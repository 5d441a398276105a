"""Filters against obvious loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.search.filters import Filter, SearchError, allowed_photos

years = st.none() | st.integers(2000, 2010)


def table(rows):
    return pd.DataFrame(
        {
            "class_name": [f"모델{place % 3}" for place in range(len(rows))],
            "maker": ["Hyundai" if place % 2 else None for place in range(len(rows))],
            "first_year": pd.array([first for first, _ in rows], dtype="Int64"),
            "last_year": pd.array([last for _, last in rows], dtype="Int64"),
        }
    )


@given(st.lists(st.tuples(years, years), min_size=1, max_size=8), years, years)
def test_years_overlap(rows, first_year, last_year):
    if first_year and last_year and first_year > last_year:
        first_year, last_year = last_year, first_year
    wanted = Filter(first_year=first_year, last_year=last_year)
    got = allowed_photos(table(rows), wanted)
    expected = [
        not (first_year is not None and last is not None and last < first_year)
        and not (last_year is not None and first is not None and first > last_year)
        for first, last in rows
    ]
    assert (np.ones(len(rows), bool) if got is None else got).tolist() == expected


def test_makers_and_models_both_count():
    photos = table([(2000, 2001)] * 6)
    wanted = Filter(makers=("Hyundai",), models=("모델0", "모델1"))
    assert allowed_photos(photos, wanted).tolist() == [False, True, False, True, False, False]


def test_without_a_filter_all_may_match():
    assert allowed_photos(table([(None, None)]), Filter()) is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Filter(makers=("Hyunday",)), "maker 'Hyunday'. Did you mean Hyundai"),
        (Filter(models=("모델9",)), "model '모델9'. Did you mean"),
        (Filter(first_year=2010, last_year=2000), "2010 to 2000 are the wrong way round"),
    ],
)
def test_what_does_not_occur_is_named(wanted, message):
    with pytest.raises(SearchError, match=message):
        allowed_photos(table([(2000, 2001)] * 6), wanted)
