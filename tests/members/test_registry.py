"""Kinds of checkpoints."""

import pytest

from chajong.members.checkpoint import Checkpoint, CheckpointError
from chajong.members.registry import KINDS, kind_of


@pytest.mark.parametrize("name", KINDS)
def test_a_checkpoint_says_of_which_kind_it_is(name):
    assert kind_of("member", Checkpoint({}, {"kind": name})) is KINDS[name]


@pytest.mark.parametrize("configuration", [{}, {"kind": "another"}])
def test_one_of_an_earlier_version_is_refused_with_the_command_that_makes_it_anew(configuration):
    with pytest.raises(CheckpointError, match="kedro run --namespaces hog"):
        kind_of("hog", Checkpoint({}, configuration))
