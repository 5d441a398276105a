"""What a person can put right is told apart from what is wrong with the program."""

import pickle

import pytest

from chajong.photos.raw_tables import RawDataError
from chajong.slip import SlipError, slip_behind
from chajong.whole import FullDiskError


def raised_from(error, cause):
    error.__cause__ = cause
    return error


def test_a_slip_is_found_behind_what_was_raised_from_it():
    slip = RawDataError("There is no folder.")
    outer = raised_from(RuntimeError("load"), raised_from(ValueError("dataset"), slip))
    assert slip_behind(outer) is slip
    assert slip_behind(slip) is slip


@pytest.mark.parametrize("error", [KeyError("x"), raised_from(ValueError("x"), KeyError("y"))])
def test_a_bug_is_none(error):
    assert slip_behind(error) is None


def test_a_slip_is_also_of_its_built_in_kind_and_crosses_processes():
    error = pickle.loads(pickle.dumps(FullDiskError(28, "The disk is full.")))
    assert isinstance(error, SlipError)
    assert isinstance(error, OSError)
    assert error.message == "The disk is full."
