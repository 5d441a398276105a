import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.predictions.cross_fitting import cross_fit, cross_fitting_parts

GROUPS = st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda g: len(set(g)) > 1)


def test_the_parts_are_the_folds_where_several_have_rows():
    folds = np.array([2, 0, 2, 4])
    assert cross_fitting_parts(folds, np.array([7, 8, 7, 9])).tolist() == [2, 0, 2, 4]


@given(GROUPS)
def test_halves_keep_groups_whole_and_are_balanced(groups):
    parts = cross_fitting_parts(np.full(len(groups), 3), np.array(groups))
    assert set(parts) == {0, 1}
    assert all(len(set(parts[np.array(groups) == group])) == 1 for group in set(groups))
    largest = np.bincount(groups).max()
    assert abs(np.sum(parts == 0) - np.sum(parts == 1)) <= largest


@given(GROUPS, st.randoms())
def test_halves_do_not_depend_on_the_order_of_rows(groups, random):
    order = random.sample(range(len(groups)), len(groups))
    parts = cross_fitting_parts(np.zeros(len(groups), int), np.array(groups))
    shuffled = cross_fitting_parts(np.zeros(len(groups), int), np.array(groups)[order])
    assert shuffled.tolist() == parts[order].tolist()


def test_single_photos_of_one_class_are_spread_over_both_halves():
    labels = np.repeat(np.arange(5), 4)
    parts = cross_fitting_parts(np.zeros(20, int), np.arange(20))
    assert np.bincount(labels[parts == 0]).tolist() == [2] * 5


def test_one_fold_with_one_group_cannot_be_halved():
    with pytest.raises(ValueError, match="3 photos of one fold in 1 groups"):
        cross_fitting_parts(np.zeros(3, int), np.zeros(3, int))


VALUES = np.array([1.0, 2.0, 10.0, 20.0, 100.0])
PARTS = np.array([5, 1, 5, 1, 8])


def total(rows):
    return float(VALUES[rows].sum())


def test_each_part_is_left_out_of_its_own_fit_and_none_of_the_overall_one():
    fitted = cross_fit(total, PARTS)
    assert fitted.by_part == {1: 111.0, 5: 122.0, 8: 33.0}
    assert fitted.overall == 133.0


def test_rows_are_predicted_with_the_fit_that_lacks_their_part_and_stay_in_order():
    predicted = cross_fit(total, PARTS).apply(
        lambda value, rows: np.column_stack([VALUES[rows], np.full(rows.sum(), value)])
    )
    assert predicted[:, 0].tolist() == VALUES.tolist()
    assert predicted[:, 1].tolist() == [122.0, 111.0, 122.0, 111.0, 33.0]


def test_the_type_of_the_predictions_is_kept():
    predicted = cross_fit(total, PARTS).apply(lambda _, rows: np.zeros((rows.sum(), 3), np.float32))
    assert predicted.dtype == np.float32
    assert predicted.shape == (5, 3)


def test_one_part_cannot_be_cross_fitted():
    with pytest.raises(ValueError, match="at least two parts, not 1"):
        cross_fit(total, np.zeros(5, int))
