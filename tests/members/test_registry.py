"""Kinds of checkpoints."""

import pytest

from chajong.members.checkpoint import Checkpoint, CheckpointError
from chajong.members.registry import KINDS, kind_of


@pytest.mark.parametrize("name", KINDS)
def test_a_checkpoint_that_says_its_kind_alone_is_refused_with_what_it_lacks(name):
    with pytest.raises(CheckpointError, match=rf"one of a {name} member \(builds_on: Field req"):
        kind_of("member", Checkpoint({}, {"kind": name}))


@pytest.mark.parametrize("configuration", [{}, {"kind": "another"}])
def test_one_of_an_earlier_version_is_refused_with_the_command_that_makes_it_anew(configuration):
    with pytest.raises(CheckpointError, match="kedro run --namespaces hog"):
        kind_of("hog", Checkpoint({}, configuration))
